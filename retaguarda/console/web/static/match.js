// Matching by hand: what is left of the line; a double click fills in what is open of an item, or what is left.
"use strict";
(() => {
  const form = document.querySelector("form[data-match]");
  if (!form) return;
  const whole = Number(form.dataset.match), shown = form.querySelector("[data-rest]");
  const fields = [...form.querySelectorAll("input.amount")];
  const read = (text) => Number(text.includes(",") ? text.replaceAll(".", "").replace(",", ".") : text) || 0;
  const rest = () => whole - fields.reduce((sum, field) => sum + read(field.value), 0);
  const shape = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const show = () => { if (shown) shown.textContent = shape.format(rest()); };
  form.addEventListener("input", show);
  form.addEventListener("dblclick", (event) => {
    if (!event.target.matches("input.amount") || event.target.value) return;
    event.target.value = Math.max(0, Math.min(Number(event.target.dataset.open), rest())).toFixed(2).replace(".", document.documentElement.lang === "en" ? "." : ",");
    show();
  });
  show();
})();
