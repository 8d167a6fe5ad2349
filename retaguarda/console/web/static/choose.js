// Lists whose rows are chosen and decided by keyboard: j and k move (console.js), x chooses, c confirms, r rejects.
"use strict";
(() => {
  const form = document.querySelector("form[data-choose]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
  const all = form.querySelector("[data-all]"), shown = form.querySelector("[data-chosen]");
  const count = () => { if (shown) shown.textContent = String(boxes.filter((box) => box.checked).length); };
  form.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes) box.checked = all.checked;
    count();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (event.target.tagName === "INPUT" && event.target.type !== "checkbox") return;
    const box = document.activeElement?.closest?.("tr")?.querySelector("input[type=checkbox]");
    if (event.key === "x" && box) { box.checked = !box.checked; count(); event.preventDefault(); }
    if (event.key === "c") form.querySelector("button[value=confirm]")?.click();
    if (event.key === "r") {
      const reason = form.querySelector("input[name=reason]");
      if (reason && !reason.value) { reason.focus(); event.preventDefault(); } else form.querySelector("button[value=reject]")?.click();
    }
  });
  count();
})();
