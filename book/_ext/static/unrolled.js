// What the theme and its extensions leave unnamed, for people who do not see it.
window.addEventListener("load", () => {
  const each = (selector, change) => document.querySelectorAll(selector).forEach(change);
  const shown = (element) => element.innerText.replace(/\s+/g, " ").trim();

  each("button.copybtn", (button) => button.setAttribute("aria-label", "Copy the code"));
  // A name must contain the words that are shown, here "Search Ctrl + K" ...
  each(".search-button-field", (button) => button.setAttribute("aria-label", shown(button)));
  // ... and in the other button the icons' titles, which only repeat its state.
  each(".theme-switch", (icon) => {
    icon.querySelector("title")?.remove();
    for (const attribute of ["title", "aria-labelledby"]) icon.removeAttribute(attribute);
    icon.setAttribute("aria-hidden", "true");
  });
  // "Show the code" says more than the extension's "Toggle hidden content".
  each("summary[aria-label='Toggle hidden content']", (summary) => summary.removeAttribute("aria-label"));
  each("nav details > summary:not([aria-label])", (summary) => {
    const link = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages below ${shown(link)}`);
  });
  each(".bd-sidebar-primary", (sidebar) => {
    sidebar.setAttribute("role", "region");
    sidebar.setAttribute("aria-label", "Course");
  });
  // What scrolls sideways must be reachable without a pointer. The theme sees to code and tables that
  // show when the page is loaded; not to formulas, nor to what is unfolded later.
  // All is measured before anything is changed: else the page is laid out again for each box.
  const reachable = () => {
    const boxes = [...document.querySelectorAll("pre, mjx-container[display], .pst-scrollable-table-container")];
    const scrolls = boxes.map((box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight);
    boxes.forEach((box, i) => {
      if (scrolls[i]) box.setAttribute("tabindex", "0");
      else if (box.matches("mjx-container")) box.removeAttribute("tabindex");
    });
  };
  let waiting = null;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(reachable, 300);
  };
  if (window.MathJax?.startup) window.MathJax.startup.promise.then(reachable);
  else reachable();
  window.addEventListener("resize", soon);
  document.addEventListener("toggle", soon, true);
  each(".citation-list > .citation", (entry) => entry.setAttribute("role", "listitem"));
});
