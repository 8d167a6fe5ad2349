/* Seiva Internet Banking: virtual keyboard, cookie notice, campaign, and the statement saved through a blob. */
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);

  const secret = one(".secret-form");
  if (secret) {
    const dots = one(".dots", secret), pressed = one("[name=teclas]", secret);
    const show = () => { dots.value = "•".repeat(pressed.value ? pressed.value.split(",").length : 0); };
    secret.addEventListener("click", event => {
      const key = event.target.closest("[data-place], [data-wipe]");
      if (!key) return;
      const places = pressed.value ? pressed.value.split(",") : [];
      if ("wipe" in key.dataset) pressed.value = "";
      else if (places.length < 8) pressed.value = [...places, key.dataset.place].join(",");
      show();
    });
    secret.addEventListener("submit", event => { if (pressed.value.split(",").length !== 8) event.preventDefault(); });
    show();
  }

  const cookies = one(".cookies");
  if (cookies && !document.cookie.includes("seiva_cookies=")) {
    setTimeout(() => { cookies.hidden = false; }, 150);
    cookies.addEventListener("click", event => {
      const choice = event.target.dataset.cookies;
      if (choice) { document.cookie = `seiva_cookies=${choice}; path=/; max-age=31536000`; cookies.remove(); }
    });
  }

  document.addEventListener("click", event => { if (event.target.matches("[data-close]")) event.target.closest(".veil").remove(); });

  const save = one("[data-blob]");
  if (save) {
    const trouble = one("[data-blob-alert]"), button = one("button", save);
    save.addEventListener("submit", async event => {
      event.preventDefault();
      button.disabled = true;
      trouble.hidden = true;
      try {
        const answer = await fetch(save.dataset.blob, { method: "POST", body: new FormData(save) });
        if (answer.status >= 500) throw new Error(answer.status);
        const link = document.createElement("a");  // whatever came is saved: the page never looks at it
        link.href = URL.createObjectURL(await answer.blob());
        link.download = one("[name=formato]", save).value.startsWith("OFX") ? "extrato.ofx" : "extrato.csv";
        link.click();
        URL.revokeObjectURL(link.href);
      } catch {
        trouble.textContent = "Não foi possível gerar o arquivo do extrato. Tente novamente em alguns minutos.";
        trouble.hidden = false;
      } finally {
        button.disabled = false;
      }
    });
  }
})();
