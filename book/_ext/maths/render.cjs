// Formulas to HTML, by MathJax as the browser would do it.
// In: {"mathjax": folder, "load": [...], "tex": {...}, "formulas": [[tex, display], ...]} as JSON.
// Out: {"html": [...], "css": "..."}; a formula that is not TeX has an <mjx-merror> in its HTML.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const { mathjax, load, tex, formulas } = JSON.parse(readFileSync(0, "utf-8"));
global.MathJax = {
  loader: { paths: { mathjax }, require, load: ["adaptors/liteDOM", ...load] },
  tex,
  // All rules: which ones pages use is known later, from the pages themselves.
  chtml: { fontURL: "output/chtml/fonts/woff-v2", adaptiveCSS: false },
  startup: { typeset: false },
};
require(join(mathjax, "startup.js"));
global.MathJax.startup.promise
  .then(() => {
    const { startup, tex2chtml, chtmlStylesheet } = global.MathJax;
    const html = formulas.map(([source, display]) => startup.adaptor.outerHTML(tex2chtml(source, { display })));
    const css = startup.adaptor.textContent(chtmlStylesheet());
    process.stdout.write(JSON.stringify({ html, css }));
  })
  .catch((error) => {
    console.error(String(error.message || error));
    process.exitCode = 1;
  });
