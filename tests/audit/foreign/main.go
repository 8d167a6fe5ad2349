// Verifies a log that was written as tlog-tiles with Go's own packages of its checksum database (golang.org/x/mod/sumdb).
// Usage: main FOLDER LOG_VKEY OLD_SIZE OLD_ROOT: prints the size and root that hold, or says what does not.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type folder struct{ path string }

func (f folder) Height() int { return 8 }

func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		name := strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(f.path, "tile", name))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func main() {
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	raw, err := os.ReadFile(filepath.Join(os.Args[1], "checkpoint"))
	check(err)
	opened, err := note.Open(raw, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, folder{os.Args[1]})

	var at int64
	for bundle := int64(0); at < size; bundle++ {
		tile := tlog.Tile{H: 8, L: 0, N: bundle, W: 256}
		if left := size - at; left < 256 {
			tile.W = int(left)
		}
		name := strings.TrimPrefix(tile.Path(), "tile/8/0/")
		data, err := os.ReadFile(filepath.Join(os.Args[1], "tile", "entries", name))
		check(err)
		for len(data) >= 2 {
			length := int(binary.BigEndian.Uint16(data))
			entry := data[2 : 2+length]
			data = data[2+length:]
			proof, err := tlog.ProveRecord(size, at, reader)
			check(err)
			if err := tlog.CheckRecord(proof, size, root, at, tlog.RecordHash(entry)); err != nil {
				check(fmt.Errorf("event %d: %v", at, err))
			}
			at++
		}
	}
	if at != size {
		check(fmt.Errorf("%d entries of %d", at, size))
	}
	if old, err := strconv.ParseInt(os.Args[3], 10, 64); err == nil && old > 0 {
		before, err := tlog.ParseHash(os.Args[4])
		check(err)
		proof, err := tlog.ProveTree(size, old, reader)
		check(err)
		check(tlog.CheckTree(proof, size, root, old, before))
	}
	fmt.Printf("%d %v\n", size, root)
}
