"use strict";
(() => {
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  for (const form of document.querySelectorAll(".filters")) {
    const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
    const search = form.querySelector("input"), chosen = [...form.querySelectorAll("select")], told = form.querySelector("output");
    const texts = new Map();
    const textOf = (row) => {
      if (!texts.has(row)) texts.set(row, plain(row.textContent));
      return texts.get(row);
    };
    const apply = () => {
      const words = plain(search.value).split(/\s+/).filter(Boolean);
      const wanted = chosen.filter((select) => select.value).map((select) => [Number(select.dataset.column), select.value]);
      let shown = 0;
      for (const row of rows) {
        const fits = wanted.every(([column, value]) => row.cells[column].textContent === value) && words.every((word) => textOf(row).includes(word));
        row.hidden = !fits;
        shown += fits;
      }
      told.textContent = told.dataset.text.replace("#", shown).replace("#", rows.length);
    };
    let waiting = 0;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  }
  const large = document.getElementById("large");
  for (const shot of document.querySelectorAll(".shot")) {
    shot.addEventListener("click", () => {
      const image = shot.querySelector("img");
      large.querySelector("img").src = image.src;
      large.querySelector("img").alt = image.alt;
      large.querySelector("p").textContent = image.alt;
      large.showModal();
    });
  }
})();
