// A picture of a report's beginning, as the README shows it.
//
// Usage: node screenshot.mjs MODULES CHROMIUM REPORT OUT [VARIANT]
//   OUT    the picture, a PNG file
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, program, report, out, variant] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
});
const hash = variant ? `#variant=${encodeURIComponent(variant)}` : "";
const page = await browser.newPage({ colorScheme: "light", viewport: { width: 1180, height: 940 } });
await page.goto(pathToFileURL(path.resolve(report)).href + hash);
await page.screenshot({ path: out });
await browser.close();
