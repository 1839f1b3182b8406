// Opens a report in real Chromium, as people do, and answers a reviewer's questions by clicks.
//
// Usage: node report.mjs MODULES CHROMIUM REPORT DOCUMENT [SHOTS]
//   MODULES    folder with playwright-core and axe-core in node_modules
//   CHROMIUM   the browser's program
//   REPORT     report.html
//   DOCUMENT   the same run as `paring report --format json` writes it: what the answers are held against
//   SHOTS      folder for screenshots
// Ends with 1 and says what is wrong; one line a step otherwise.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, program, report, documentFile, shots] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "package.json"));
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const address = pathToFileURL(path.resolve(report)).href;
const { runs: [run] } = JSON.parse(fs.readFileSync(documentFile, "utf8"));
const names = [...new Set(run.results.map((row) => row.variant))];

const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
let steps = 0;
const step = (words) => console.log(`${String(++steps).padStart(2)} ${words}`);

// A page of which every request beside its own file, and every complaint, is remembered.
const opened = async (options = {}, hash = "") => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  await page.route("**/*", (route) => {
    const url = route.request().url();
    if (url.split("#")[0] === address || url.startsWith("data:")) return route.continue();
    seen.requests.push(url);
    return route.abort();
  });
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) seen.complaints.push(said.text());
  });
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  await page.goto(address + hash);
  return { page, seen, close: () => context.close() };
};
const clean = ({ seen }) => {
  assert.deepEqual(seen.complaints, [], "the browser complains");
  assert.deepEqual(seen.requests, [], "the page asks the network");
};
const shown = (page, query) => page.locator(query).filter({ visible: true });
const panels = async (page) => {
  const own = await shown(page, "details.variant").evaluateAll((all) => all.map((panel) => panel.dataset.variant));
  return [...new Set(own)].sort();
};
const choose = (page, name, side = 0) => page.locator(".pick select").nth(side).selectOption(name);
const text = (page, query) => page.locator(query).innerText();

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1440]) {
    const view = { colorScheme, viewport: { width, height: 900 } };
    const open = await opened(view);
    const wide = await open.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} px wider than the window at ${width}`);
    const height = await open.page.evaluate(() => document.documentElement.scrollHeight);
    if (shots) {
      await open.page.screenshot({ path: `${shots}/${colorScheme}-${width}.png`, fullPage: true });
    }
    clean(open);
    await open.close();
    // The security policy would keep the checker out.
    const checked = await opened({ ...view, bypassCSP: true });
    await checked.page.evaluate(axe);
    const found = await checked.page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    const serious = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    const words = serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.length} times, ${nodes[0].html.slice(0, 200)}`);
    assert.deepEqual(words, [], "axe-core");
    await checked.close();
    step(`${colorScheme}, ${width} px: ${height} px high, no complaint, no request, axe-core finds nothing serious`);
  }
}

{
  const { page, seen, close } = await opened();
  const first = await page.locator("main").getAttribute("data-first");
  assert.deepEqual(await panels(page), [first]);
  const other = names.find((name) => name !== first && name !== "baseline");
  await choose(page, other);
  assert.deepEqual(await panels(page), [other]);
  assert.equal(new URL(page.url()).hash, `#variant=${encodeURIComponent(other)}`);
  await choose(page, first, 1);
  assert.deepEqual(await panels(page), [first, other].sort());
  const [left, right] = await shown(page, "#anatomy details.variant").evaluateAll((all) => all.map((panel) => panel.getBoundingClientRect().top));
  assert.equal(left, right, "two variants stand beside each other");
  await choose(page, "", 1);
  await choose(page, "");
  assert.equal((await panels(page)).length, names.length);
  const mark = page.locator(`#tradeoff svg [data-variant="${other}"]`).first();
  await mark.click({ force: true });
  assert.deepEqual(await panels(page), [other]);
  assert.equal(await mark.getAttribute("aria-pressed"), "true");
  assert.ok((await page.locator("#tradeoff tr.selected").count()) > 0, "its rows are marked");
  step("a mark, the list and a comparison select a variant everywhere");

  await mark.focus();
  const next = page.locator(`#tradeoff svg [data-variant="${first}"]`).first();
  await next.focus();
  await page.keyboard.press("Enter");
  assert.deepEqual(await panels(page), [first]);
  await page.locator(`#tradeoff tr[data-variant="${other}"] button`).first().focus();
  await page.keyboard.press("Space");
  assert.deepEqual(await panels(page), [other]);
  await page.locator(".pick select").first().focus();
  await page.keyboard.press("Home");
  assert.equal((await panels(page)).length, names.length);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => document.activeElement.className || document.activeElement.closest("section, .bar")?.className);
  assert.notEqual(skip, undefined);
  step("the keyboard does the same");

  const filter = page.locator("#tradeoff input[type=search]").first();
  await filter.fill(first);
  const rows = page.locator("#tradeoff table").first().locator("tbody tr");
  const left2 = await rows.filter({ visible: true }).allInnerTexts();
  assert.ok(left2.length > 0 && left2.length < names.length && left2.every((row) => row.includes(first)), String(left2));
  await filter.fill("");
  assert.equal(await rows.filter({ visible: true }).count(), names.length);
  step("a table filters its rows");
  clean({ seen });

  await choose(page, other);
  const boxes = shown(page, "#anatomy svg.topology .layer");
  const stops = await boxes.evaluateAll((all) => all.filter((box) => box.tabIndex === 0).length);
  assert.equal(stops, 1, "a drawing is one stop of the Tab key");
  await boxes.first().focus();
  const told = page.locator(".tip");
  assert.ok(await told.isVisible());
  const said = await told.innerText();
  assert.equal(await boxes.first().getAttribute("aria-label"), said);
  await page.keyboard.press("ArrowDown");
  assert.notEqual(await told.innerText(), said);
  assert.ok(await boxes.first().evaluate((box) => box !== document.activeElement));
  await page.keyboard.press("Escape");
  assert.ok(await told.isHidden());
  const layer = await page.evaluate(() => document.activeElement.dataset.layer);
  await page.keyboard.press("Enter");
  const kept = await shown(page, "#anatomy tbody tr").allInnerTexts();
  assert.ok(kept.every((row) => row.includes(layer)), `${layer}: ${kept}`);
  await page.keyboard.press("Enter");
  await boxes.nth(1).hover();
  assert.ok(await told.isVisible());
  await page.mouse.move(2, 2);
  step("arrow keys go from box to box, each is told, and one filters its decisions");

  await choose(page, first);
  await page.emulateMedia({ media: "print" });
  assert.equal(await shown(page, ".bar").count(), 0);
  assert.deepEqual(await panels(page), [first]);
  const printed = await page.pdf({ format: "A4" });
  if (shots) fs.writeFileSync(`${shots}/print.pdf`, printed);
  assert.ok(printed.length > 10_000);
  step(`in print stands what is selected: ${printed.length} bytes of PDF`);
  await close();
}
{
  const open = await opened({}, `#variant=${encodeURIComponent(names.at(-1))}`);
  assert.deepEqual(await panels(open.page), [names.at(-1)]);
  clean(open);
  await open.close();
  const without = await opened({ javaScriptEnabled: false });
  const summaries = await shown(without.page, "#anatomy details.variant > summary").count();
  assert.equal(summaries, names.length);
  assert.equal(await shown(without.page, ".pick").count(), 0);
  clean(without);
  await without.close();
  step("an address selects a variant; without script all are listed and fold");
}

// Ten questions of a reviewer, each answered by at most three clicks. What is expected comes from the
// records, not from the page.
const { page, seen, close } = await opened();
const rowOf = (variant) => run.results.find((row) => row.variant === variant);
const explained = run.explanations[0];
const ratio = (number) => number.toFixed(3);
const target = run.results[0].target;
const question = (words) => step(`question: ${words}`);

{
  const summary = await text(page, "#summary");
  const expected = run.recommended === null ? "No recommendation" : `Recommended: ${run.results[run.recommended].variant}`;
  assert.ok(summary.includes(expected), summary);
  const sure = run.recommended === null ? "No recommendation" : ratio(run.results[run.recommended].speed.speedup.value);
  assert.ok(summary.includes(sure) && summary.includes("Next:"));
  question("which variant, why, and what next? No click");
}
{
  const [variant, removed] = names.map((name) => [name, run.variants[name].components_removed]).find(([, removed]) => Object.keys(removed).length > 0);
  const [coupling, ids] = Object.entries(removed)[0];
  await choose(page, variant);
  await shown(page, "#anatomy input[type=search]").first().fill(coupling);
  const row = shown(page, "#anatomy tbody tr").first();
  const cells = await row.locator("td").allInnerTexts();
  const header = await shown(page, "#anatomy thead").first().locator("th").allInnerTexts();
  const cell = (title) => cells[header.findIndex((own) => own.startsWith(title))];
  assert.equal(cell("where"), coupling);
  for (const id of ids) assert.ok(cell("components").includes(`${id.slice(coupling.length + 1)} (`), `${id} in ${cell("components")}`);
  assert.ok(cell("criterion") !== "" && cell("reason").length > 10, `criterion and reason: ${cells}`);
  question(`which channels of ${coupling} went, and why? One selection, one filter`);
}
{
  const { variant } = explained;
  const classes = rowOf(variant).evaluation.classes.filter((own) => own.recall?.change);
  const worst = classes.reduce((a, b) => (b.recall.change.value < a.recall.change.value ? b : a));
  await choose(page, variant);
  const said = await text(page, "#predictions");
  assert.ok(said.includes(`Class ${worst.class} lost most`), said.slice(0, 600));
  const lost = explained.flips.filter((flip) => flip.kind === "lost" && flip.label === worst.class && flip.groups.length > 0);
  if (lost.length > 0) {
    const counts = new Map();
    for (const id of lost.flatMap((flip) => flip.groups)) counts.set(id, (counts.get(id) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const labels = explained.groups.filter((group) => counts.get(group.id) === most).map((group) => group.label);
    assert.ok(labels.some((label) => said.includes(`go back to: ${label} (${most} of `)), said.slice(0, 600));
  }
  question("which class lost most, because of what? One selection");
}
for (const result of run.results.filter((row) => row.variant !== "baseline" && row.target === target)) {
  const row = page.locator(`#tradeoff tr[data-variant="${result.variant}"]`).filter({ has: page.locator("td:nth-child(8)") }).first();
  const cells = await row.locator("td").allInnerTexts();
  if (result.speed === null) {
    assert.equal(cells[1], "none");
    assert.ok((await text(page, "#tradeoff")).includes(result.speed_missing));
  } else {
    const { speedup, verdict } = result.speed;
    assert.equal(cells[1].replace(/\s+/, " "), `${ratio(speedup.value)} 99 % CI ${ratio(speedup.low)} to ${ratio(speedup.high)}`);
    assert.equal(cells[2].replaceAll(" ", "_"), verdict.replaceAll(" ", "_"));
  }
}
question(`is the speed-up real on ${target}? No click: interval and verdict stand in its row`);
{
  const { variant } = explained;
  const change = rowOf(variant).evaluation.metrics.accuracy.change;
  const points = (number) => (100 * number).toFixed(1).replace("-", "−");
  const cells = await page.locator(`#tradeoff tr[data-variant="${variant}"]`).first().locator("td").allInnerTexts();
  for (const bound of [change.value, change.low, change.high]) assert.ok(cells[3].includes(points(bound)), cells[3]);
  question("what does it cost, and may that be noise? No click");
}
{
  const table = run.layers.find((own) => own.variant === explained.variant);
  const slowest = table.layers.reduce((a, b) => (b.time_ns > a.time_ns ? b : a));
  await choose(page, explained.variant);
  const summary = await shown(page, "#hardware details.variant > summary").first().innerText();
  assert.ok(summary.includes(`${slowest.layer} takes ${(100 * slowest.share).toFixed(0)} %`), summary);
  assert.ok((await shown(page, "#hardware svg.length").count()) >= table.layers.length);
  question("which layer takes the time? One selection");
}
{
  const refused = names.map((name) => run.variants[name]).find((own) => own.refusals.length > 0);
  await choose(page, refused.name);
  const { what, reason } = refused.refusals[0];
  assert.ok((await text(page, "#anatomy")).includes(`not changed: ${what}: ${reason}`));
  question(`why is ${what} as it was? One selection`);
}
{
  await choose(page, explained.variant);
  const effects = await text(page, "#effects");
  for (const group of explained.groups) assert.ok(effects.includes(group.label), group.label);
  if (explained.forecasts.length > 0) {
    const rows = await shown(page, "#effects tbody tr").allInnerTexts();
    assert.ok(rows.some((row) => /\b(yes|no)$/.test(row.trim())), "expected against observed");
  }
  question("which decision caused what, and was it expected? One selection");
}
{
  const flip = explained.flips.find((own) => own.kind === "lost");
  const cards = shown(page, "#predictions .samples li");
  assert.ok((await cards.count()) > 0);
  const picture = cards.first().locator("img");
  assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth > 0), "the picture is one");
  assert.match(await cards.first().innerText(), /Sample \d+, label \d+/);
  assert.ok(flip !== undefined);
  const flow = await text(page, "#flow");
  assert.ok(flow.includes(explained.flow[0].layer), "what the layers pass on");
  question("which samples are wrong now, and how do they look? One selection");
}
{
  assert.ok((await text(page, "#evidence")).includes("paring verify"));
  await page.locator("#evidence details.fold > summary").click();
  await shown(page, "#evidence input[type=search]").last().fill("decision");
  const rows = await shown(page, "#evidence details.fold tbody tr").count();
  assert.ok(rows > 0);
  const memory = await text(page, "#hardware");
  assert.ok(memory.includes("Memory at four points"));
  question("how are the numbers derived again, and what was decided when? One fold, one filter");
}
clean({ seen });

const refused = await page.evaluate(async () => {
  const broken = [];
  document.addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
  await fetch("https://paring.invalid/").catch(() => {});
  const image = new Image();
  image.src = "https://paring.invalid/x.png";
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(image, script);
  await new Promise((done) => setTimeout(done, 200));
  return { broken, ran: window.ran === true };
});
assert.ok(["connect-src", "img-src"].every((own) => refused.broken.includes(own)), String(refused.broken));
assert.equal(refused.ran, false);
assert.deepEqual(seen.requests, [], "nothing reaches the network");
step("the security policy forbids the network and other scripts");
await close();
await browser.close();
