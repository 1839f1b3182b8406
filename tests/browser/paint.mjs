// Time until Chromium shows a page, and until a selection is shown; the median of three.
//
// Usage: node paint.mjs MODULES CHROMIUM PAGE
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, program, file] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const median = (numbers) => numbers.sort((a, b) => a - b)[1];
const paints = [];
const selections = [];
let ready = 0;
for (let round = 0; round < 3; round++) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(pathToFileURL(path.resolve(file)).href);
  const paint = () => performance.getEntriesByName("first-contentful-paint").map((entry) => entry.startTime)[0];
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  paints.push(await page.evaluate(paint));
  ready = await page.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventEnd);
  const took = await page.evaluate(async () => {
    const list = document.querySelector(".pick select");
    const begun = performance.now();
    list.value = list.options[list.options.length - 1].value;
    list.dispatchEvent(new Event("change"));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun;
  });
  selections.push(took);
  await context.close();
}
console.log(`first paint after ${median(paints).toFixed(0)} ms, loaded after ${ready.toFixed(0)} ms, another variant shown after ${median(selections).toFixed(0)} ms`);
await browser.close();
