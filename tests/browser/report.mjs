// The HTML report in a real browser: sorting, filtering, hostile text, no network.
//
// Run by tests/all/browser.rs with the page as argument; exits 0 if all holds, 77 if there is no browser.
// Speaks the browser's own protocol (Chrome DevTools) over its pipe, so nothing has to be installed but Chromium.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!browser) process.exit(77);
const profile = mkdtempSync(join(tmpdir(), "waybill-browser-"));
const child = spawn(browser, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const waiting = new Map();
const seen = [];
let next = 1, rest = "";
child.stdio[4].on("data", (data) => {
  rest += data;
  const parts = rest.split("\0");
  rest = parts.pop();
  for (const part of parts) {
    const message = JSON.parse(part);
    if (message.id) waiting.get(message.id)?.(message); else seen.push(message);
  }
});
const send = (method, params = {}, sessionId) => new Promise((done) => {
  waiting.set(next, done);
  child.stdio[3].write(JSON.stringify({ id: next++, method, params, sessionId }) + "\0");
});
let failed = 0;
const check = (what, held) => { if (!held) { failed++; console.error(`does not hold: ${what}`); } };
try {
  const { result: { targetId } } = await send("Target.createTarget", { url: "about:blank" });
  const { result: { sessionId } } = await send("Target.attachToTarget", { targetId, flatten: true });
  for (const domain of ["Page", "Network", "Runtime"]) await send(`${domain}.enable`, {}, sessionId);
  await send("Page.navigate", { url: pathToFileURL(process.argv[2]).href }, sessionId);
  for (let i = 0; i < 200 && !seen.some((m) => m.method === "Page.loadEventFired"); i++) {
    await new Promise((done) => setTimeout(done, 50));
  }
  const run = async (expression) => {
    const { result } = await send("Runtime.evaluate", { expression, returnByValue: true }, sessionId);
    if (result.exceptionDetails) throw new Error(JSON.stringify(result.exceptionDetails));
    return result.result.value;
  };
  const requests = seen.filter((m) => m.method === "Network.requestWillBeSent");
  check("nothing is fetched but the page", requests.every((m) => m.params.request.url.startsWith("file:")));
  check("no dialog opens", !seen.some((m) => m.method === "Page.javascriptDialogOpening"));
  check("hostile text runs nothing", await run("window.pwned === undefined"));
  check("hostile text makes no element", await run("document.querySelectorAll('img,iframe,object,body script ~ script').length === 0"));
  check("there is one script", await run("document.scripts.length === 1"));
  check("hostile text is shown as text", await run("document.body.textContent.includes('<script>window.pwned=1')"));
  check("no control turns text round", await run("!/[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.textContent)"));
  const column = (n) => `[...document.querySelectorAll('#t-mailboxes tbody tr')].filter(r => !r.hidden).map(r => r.cells[${n}].dataset.v ?? r.cells[${n}].textContent)`;
  const click = (n) => run(`document.querySelectorAll('#t-mailboxes thead button')[${n}].click()`);
  await click(1);
  let sent = (await run(column(1))).map(Number);
  check("numbers sort, largest first", sent.length > 20 && sent.every((v, i) => i === 0 || sent[i - 1] >= v));
  check("the order is told", await run("document.querySelectorAll('#t-mailboxes th')[1].ariaSort === 'descending'"));
  await click(1);
  sent = (await run(column(1))).map(Number);
  check("and smallest first", sent.every((v, i) => i === 0 || sent[i - 1] <= v));
  await click(0);
  const names = await run(column(0));
  check("words sort from A", names.every((v, i) => i === 0 || names[i - 1].localeCompare(v, undefined, { numeric: true }) <= 0));
  const filter = (text) => run(`(() => { const input = document.querySelector('#t-mailboxes .filter input');
    input.value = ${JSON.stringify(text)}; input.dispatchEvent(new Event('input')); })()`);
  await filter(names[3].toUpperCase());
  const left = await run(column(0));
  check("filtering leaves what matches", left.length >= 1 && left.length < names.length && left.every((n) => n.includes(names[3])));
  check("and tells how many", (await run("document.querySelector('#t-mailboxes output').textContent")).startsWith(`${left.length} of`));
  await filter("");
  check("an empty filter shows all", (await run(column(0))).length === names.length);
  await run("document.getElementById('theme').click()");
  check("the theme can be chosen", await run("['light','dark'].includes(document.documentElement.dataset.theme)"));
  check("every table's head is a button", await run("[...document.querySelectorAll('div.table thead th')].every(th => th.querySelector('button') || th.textContent === 'trace')"));
  check("headings do not skip a level", await run("[...document.querySelectorAll('h1,h2,h3')].every((h,i,a) => i === 0 || h.tagName[1] - a[i-1].tagName[1] <= 1)"));
  await send("Emulation.setDeviceMetricsOverride", { width: 390, height: 800, deviceScaleFactor: 1, mobile: true }, sessionId);
  check("no sideways scrolling on a phone", await run("document.documentElement.scrollWidth <= 390"));
} catch (error) {
  failed++;
  console.error(String(error));
} finally {
  child.kill();
  setTimeout(() => { rmSync(profile, { recursive: true, force: true, maxRetries: 5 }); process.exit(failed ? 1 : 0); }, 300);
}
