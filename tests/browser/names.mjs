// Opens pages whose names are markup, scripts, endless, right-to-left and emoji: nothing of them runs, all
// of them are text, and no page is wider than its window.
//
// Usage: node names.mjs MODULES CHROMIUM PAGE…
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, program, ...pages] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
for (const file of pages.filter((file) => file.endsWith(".html"))) {
  for (const width of [360, 1440]) {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (said) => complaints.push(said.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => complaints.push(dialog.message()));
    await page.goto(pathToFileURL(path.resolve(file)).href);
    for (const list of await page.locator(".pick select").all()) {
      for (const name of await list.locator("option").evaluateAll((all) => all.map((own) => own.value))) {
        await list.selectOption(name);
      }
    }
    const { ran, images, wide, text } = await page.evaluate(() => ({
      ran: window.ran,
      images: document.querySelectorAll("img:not([src^='data:'])").length,
      wide: document.documentElement.scrollWidth - innerWidth,
      text: document.body.textContent,
    }));
    assert.deepEqual([complaints, ran, images], [[], undefined, 0], file);
    assert.ok(wide <= 0, `${file} is ${wide} px wider than ${width}`);
    assert.ok(text.includes("<b>study</b>") || text.includes("<i>v"), `${file} shows names as text`);
    await context.close();
  }
  console.log(`${path.basename(file)}: nothing ran, nothing overflows`);
}
await browser.close();
