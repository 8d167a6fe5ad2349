// The console without this file still works: it adds the menu of the phone, keys, countdowns, confirmation and live times.
"use strict";
(() => {
  const menuButton = document.querySelector(".menu-button");
  if (menuButton) {
    menuButton.addEventListener("click", () => {
      const open = document.body.classList.toggle("menu-open");
      menuButton.setAttribute("aria-expanded", String(open));
    });
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey;
    if (typing) return;
    if (event.key === "/") {
      const find = document.getElementById("find");
      if (find) { event.preventDefault(); find.focus(); }
    }
    if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
  });
  // j and k walk through the rows of the page's first list
  const move = (by) => {
    const links = [...document.querySelectorAll("[data-rows] tbody a.row, [data-rows] li a.row")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
  };
  // forms that ask first: data-confirm holds the question
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); return; }
    const button = event.submitter;
    if (button && !event.target.hasAttribute("hx-post")) window.setTimeout(() => { button.disabled = true; }, 0);
  }, true);
  // an application that came back from the browser's own cache has its buttons again
  window.addEventListener("pageshow", () => { for (const button of document.querySelectorAll("button:disabled:not([data-off])")) button.disabled = false; });
  const clock = () => {
    const now = Date.now();
    for (const place of document.querySelectorAll("[data-until]")) {
      const left = Math.round((Date.parse(place.dataset.until) - now) / 1000);
      place.textContent = left > 0 ? length(left) : place.dataset.over || "0 s";
      place.classList.toggle("bad", left < 60);
    }
    for (const place of document.querySelectorAll("[data-since]")) place.textContent = length(Math.max(0, Math.round((now - Date.parse(place.dataset.since)) / 1000)));
  };
  const two = (value) => String(value).padStart(2, "0");
  const length = (seconds) => {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    const hours = Math.floor(seconds / 3600);
    return hours < 24 ? `${hours} h ${two(Math.floor((seconds % 3600) / 60))} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
  };
  clock();
  window.setInterval(clock, 1000);
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.triggeringEvent?.type !== "click" && event.detail.triggeringEvent?.type !== "submit" && event.detail.verb === "get") event.detail.headers["X-Background"] = "1";
  });
  document.addEventListener("htmx:afterSettle", clock);
  // a page that nobody sees asks for nothing
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.visibilityState !== "visible" && event.detail.requestConfig.verb === "get") event.preventDefault();
  });
  for (const form of document.querySelectorAll("form[data-now]")) form.addEventListener("change", () => form.requestSubmit());
})();
