"""Verifica uma trilha de auditoria, ou o extrato de um dossiê, só com a biblioteca padrão (Python 3.9 ou mais novo).
Uso: independent.py [--extrato] PASTA [PASTA_DAS_ÂNCORAS [CHAVE_DA_TRILHA [CHAVE_DE_TESTEMUNHA]...]]; saída 1 diz o que não confere.
"""  # fmt: off
import base64, bisect, datetime, functools, hashlib, json, pathlib, re, sys
P, L, DRIFT, LAST, BAD, HIDDEN, ERASED = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, 300, float("inf"), [], [], {}
D, ROOT, H = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P), lambda data: hashlib.sha256(data).digest()
def point(raw):  # RFC 8032, 5.1.3
    sign, y = divmod(int.from_bytes(raw, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    root = pow(square, (P + 3) // 8, P)
    [x] = {x for x in (root, root * ROOT % P) if x * x % P == square and y < P and x >= sign and len(raw) == 32}
    return (x if x % 2 == sign else P - x), y, 1, (x if x % 2 == sign else P - x) * y % P
def add(p, q):  # RFC 8032, 5.1.4
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0]), 2 * D * p[3] * q[3], 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P
times = lambda n, p: add(times(n // 2, add(p, p)), p if n % 2 else (0, 1, 1, 0)) if n else (0, 1, 1, 0)
def holds(key, text, mark):  # RFC 8032, 5.1.7
    s, k = int.from_bytes(mark[32:], "little"), int.from_bytes(hashlib.sha512(mark[:32] + key + text).digest(), "little") % L
    p, q = times(s, point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))), add(point(mark[:32]), times(k, point(key)))
    return len(mark) == 64 and s < L and (p[0] * q[2] - q[0] * p[2]) % P == 0 == (p[1] * q[2] - q[1] * p[2]) % P
def plain(text):  # base64, in the one spelling that it has
    raw = base64.b64decode(text, validate=True)
    return raw if base64.b64encode(raw).decode() == text else plain("?")
def opened(note, vkeys):  # C2SP tlog-checkpoint, signed-note, tlog-cosignature: size, root, when witnesses saw it
    body, signers = note.partition("\n\n")[0] + "\n", {}
    size, root = re.fullmatch(r"[^\n]+\n(0|[1-9]\d*)\n([^\n]{44})\n", body).groups()
    for (name, mark), vkey in ((line, vkey) for line in re.findall(r"^— (\S+) (\S+)$", note, re.MULTILINE) for vkey in vkeys):
        (owner, digest, raw), mark = vkey.split("+", 2), plain(mark)
        if (name, mark[:4].hex()) == (owner, digest) and H(f"{owner}\n".encode() + (raw := plain(raw)))[:4] == mark[:4]:
            stamp = mark[4:12] if raw[0] == 4 else b""  # 4: a witness, who says when; 1: the log
            text = (f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n" if stamp else "") + body
            signers[name] = int.from_bytes(stamp, "big") if holds(raw[1:], text.encode(), mark[4 + len(stamp) :]) else plain("?")
    if not signers or len(signers) != note.count("\n— ") or note != body + "\n" + "".join(re.findall("— .*\n", note)):
        raise ValueError("assinatura ausente ou desconhecida, ou texto a mais")
    return int(size), plain(root), filter(None, signers.values())
def vouched(paths, vkeys):  # what was signed, {size: {root: where}}, and [(size, time of a witness)]
    signed, stamps = {}, [(-1, 0), (LAST, LAST)]
    for path in paths:
        for number, note in enumerate(path.read_bytes().decode("utf-8", "replace").split("\n\f\n"), 1):
            try:
                size, root, seen = opened(note, vkeys) if note else (0, b"", [])
                signed.setdefault(size, {})[root] = f"{path.name}, nota {number}"
                stamps += [(size, when) for when in seen]
            except (ValueError, AttributeError) as error: BAD.append(f"{path.name}, nota {number}: não confere ({error})")
    return signed, sorted(stamps)
def judged(where, seq, line, stamps, kept):  # one event: its place, its time, the file that it names
    try:
        event, after = json.loads(line), bisect.bisect(stamps, (seq, LAST))
        data, when = event["data"], datetime.datetime.fromisoformat(event["ts"]).timestamp()
        if event["seq"] != seq or not stamps[after - 1][1] - DRIFT <= when <= stamps[after][1] + DRIFT:
            BAD.append(f"{where}: evento {event['seq']} no lugar do {seq}, ou com hora ({event['ts']}) que as âncoras desmentem")
        if event["action"].startswith("evidence."): kept[event["run"], data["sha256"]] = (event["action"], where)
        if event["action"] == "data.erased": ERASED.update(dict.fromkeys(data["events"], data))
    except (ValueError, KeyError, TypeError): BAD.append(f"{where}: não é um evento")
def main(folder, anchors="", *vkeys):
    folder, found = pathlib.Path(folder), sorted(pathlib.Path(anchors or f"{folder}/anchors").glob("*"))
    vkeys = vkeys or [path.read_text("utf-8", "replace").strip() for path in (folder / "log.vkey", *found) if path.suffix == ".vkey"]
    BAD.extend([] if (folder / "log.vkey").read_text("utf-8", "replace").strip() == vkeys[0] else ["log.vkey: não é a chave dada"])
    signed, stamps = vouched([folder / "checkpoints", *(path for path in found if path.suffix not in {".vkey", ".tsr"})], vkeys)
    leaves, size, edge, kept, root = b"".join(path.read_bytes() for path in folder.glob("leaves")), 0, [], {}, b""
    for path, number, line in ((p, n, line) for p in sorted(folder.glob("segments/*")) for n, line in enumerate(p.read_bytes().splitlines(True), 1)):
        where, cut = f"{path.name}:{number}", re.fullmatch(rb"~([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)(?:\*(\d+))?\n", line)
        count, digest = (int(cut[2] or 1), plain(cut[1].decode())) if cut else (1, H(b"\0" + line[:-1]))
        if leaves and leaves[size * 32 : size * 32 + 32] != digest: BAD.append(f"{where}: evento {size} alterado ou fora do lugar (ou leaves)")
        HIDDEN.append((where, size, count)) if cut else judged(where, size, line, stamps, kept)
        size += count
        while edge and edge[-1][0] == count: digest, count = H(b"\1" + edge.pop()[1] + digest), count * 2  # RFC 6962, 2.1
        edge.append((count, digest))
        root = functools.reduce(lambda right, left: H(b"\1" + left[1] + right), edge[-2::-1], digest) if size in signed else b""
        BAD.extend(f"{where}: a trilha até aqui não é a que {by} assina" for other, by in signed.get(size, {}).items() if other != root)
    BAD.extend([f"a trilha tem {size} eventos, o último ponto assinado {max(signed)}"] if size != max(signed) else [])
    unseen = [(where, seq, count) for where, seq, count in HIDDEN if seq not in ERASED]
    BAD.extend(f"{where}: evento {seq} oculto" for where, seq, _ in unseen if "--extrato" not in sys.argv)
    for (_, name), (action, where) in kept.items():
        path = folder.parent / "evidence" / name[:2] / name
        if path.exists() and H(path.read_bytes()).hex() != name or action == "evidence.kept" and not path.exists(): BAD.append(f"{where}: a evidência {name} falta ou foi alterada")
    print(*BAD, *(f"apagado: evento {seq}, {why}" for seq, why in ERASED.items()), sep="\n")
    print(f"{size} eventos ({sum(n for *_, n in unseen)} não mostrados), raiz {root.hex()}, {len(signed) - 1} tamanhos assinados, {len(stamps) - 2} testemunhos")
if __name__ == "__main__": sys.exit(main(*(argument for argument in sys.argv[1:] if argument != "--extrato")) or bool(BAD))
