/**
 * Walk a served portal in a real browser: `node tests/browser/check.mjs ORIGIN PLAN`, PLAN being JSON
 * `{"pages": [path], "map": path, "home": path}` and, for who signs in, `account`, `others` and `resume`
 * as tests/web/test_browser.py writes them. Prints JSON `{"problems": [text], "facts": {…}}`.
 */
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [origin, planText] = process.argv.slice(2);
const plan = JSON.parse(planText);
const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const problems = [];
const facts = {};
const WIDE = { width: 1280, height: 900 };

// Pages are put together without SwiftShader, which draws the maps alone: it would take most of the time.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-gpu-compositing'],
});

/** A page in a context of its own, whose errors and foreign requests are problems of the address it is at; blank without a path. */
async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const at = () => page.url().replace(origin, '');
  page.on('console', (line) => line.type() === 'error' && problems.push(`${at()}: console: ${line.text().slice(0, 300)}`));
  page.on('pageerror', (error) => problems.push(`${at()}: script: ${error}`));
  page.on('request', (request) => {
    if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(origin)) problems.push(`${at()}: foreign: ${request.url()}`);
  });
  if (path) await page.goto(origin + path);
  return page;
}

/** Go on to another address, on a wide screen. */
async function go(page, path) {
  await page.setViewportSize(WIDE);
  await page.goto(origin + path);
}

async function signIn(page, { name, word }) {
  await page.goto(`${origin}/en/sign-in`);
  await page.fill('#account', name);
  await page.fill('#password', word);
  await page.click('main form button.primary');
  await page.waitForURL('**/en/account');
}

async function settle(page, path) {
  for (const element of await page.$$('ec-chart, ec-map')) {
    await element.scrollIntoViewIfNeeded();
    await page.waitForFunction((e) => e.dataset.state, element, { timeout: 30000 });
    if ((await element.getAttribute('data-state')) !== 'ready') problems.push(`${path}: an element is not ready`);
  }
}

async function judge(page, path) {
  // axe runs through the protocol, so the page's own policy stays as it is.
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Runtime.evaluate', { expression: axe });
  const found = await page.evaluate(async () => (await globalThis.axe.run({ resultTypes: ['violations'] })).violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.length} ${v.nodes[0].html.slice(0, 160)}`));
  problems.push(...found.map((text) => `${path}: axe: ${text}`));
}

async function notTooWide(page, path) {
  await page.setViewportSize({ width: 320, height: 800 });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) problems.push(`${path}: ${over} px wider than a screen of 320 px`);
}

/** A page with forms: as any other, and every field has a name and is reached by the keyboard. */
async function judgeForms(page, path) {
  await settle(page, path);
  await judge(page, path);
  await notTooWide(page, path);
  const nameless = await page.$$eval('main :is(input:not([type=hidden], [hidden]), select, textarea)', (all) => all.filter((e) => e.labels.length === 0).map((e) => e.name));
  problems.push(...nameless.map((field) => `${path}: ${field} has no label`));
}

async function asAnybody() {
  // One context for all pages: a window of its own for each costs more than what is looked at.
  const page = await open('');
  for (const [n, path] of plan.pages.entries()) {
    // Every page in one scheme, the two in turn, so that both languages are seen in both.
    await page.emulateMedia({ colorScheme: n % 2 ? 'dark' : 'light' });
    await go(page, path);
    await settle(page, path);
    await judge(page, path);
    await notTooWide(page, path);
  }
  await page.context().close();

  {
    const page = await open(plan.map);
    await settle(page, plan.map);
    const range = page.locator('ec-map input[type=range]');
    const state = () => page.evaluate(() => ({ label: document.querySelector('.step-label').textContent, address: location.search, other: document.querySelector('.lang-switch a').getAttribute('href') }));
    await range.focus();
    facts.before = await state();
    await page.keyboard.press('ArrowRight');
    facts.after = await state();
    await page.keyboard.press('Home');
    facts.first = await state();
    await page.context().close();
  }

  {
    const page = await open(plan.home);
    await page.locator('details.why > summary').first().click();
    await page.waitForFunction(() => document.querySelector('details.why')?.dataset.state === 'loaded', null, { timeout: 10000 });
    facts.trace = await page.locator('details.why .trace').first().innerText();
    facts.headings = await page.locator('h1').count();
    await page.context().close();
  }

  {
    // Without scripts: filters are one line on a phone, opened by the keyboard, and open beside the hits on a wide page.
    const page = await open('', { javaScriptEnabled: false });
    const shown = async () => ({
      summary: await page.locator('.facets summary').isVisible(),
      filters: await page.locator('#in-collection').isVisible(),
      plate: await page.locator('.plate').isVisible(),
      hit: (await page.locator('.hit').first().boundingBox()).y,
    });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${origin}/en/data`);
    facts.narrow = await shown();
    await page.locator('.facets summary').focus();
    await page.keyboard.press('Enter');
    facts.opened = await shown();
    await go(page, '/en/data');
    facts.wide = await shown();
    await page.context().close();
  }

  {
    // On paper: no navigation, nothing folded away, the address; legends keep their colours where others give theirs up.
    const page = await open(plan.map, { forcedColors: 'active' });
    await settle(page, plan.map);
    facts.swatches = await page.$$eval('.swatch', (all) => new Set(all.map((e) => getComputedStyle(e).backgroundColor)).size);
    await page.emulateMedia({ media: 'print', forcedColors: 'none', colorScheme: 'dark' });
    await go(page, '/en/data');
    facts.paper = {
      navigation: await page.locator('.site-nav').isVisible(),
      facets: await page.locator('.facets').isVisible(),
      plate: await page.locator('.plate').isVisible(),
      address: await page.locator('.printed').innerText(),
      ground: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    };
    await page.context().close();
  }

  facts.bare = {};
  const bare = await open('', { javaScriptEnabled: false });
  for (const path of plan.pages) {
    await go(bare, path);
    facts.bare[path] = { text: (await bare.locator('main').innerText()).length, pictures: await bare.locator('main img').count() };
    const broken = await bare.$$eval('main img', (all) => all.filter((img) => img.loading !== 'lazy' && img.complete && img.naturalWidth === 0).map((img) => img.src)).catch(() => []);
    problems.push(...broken.map((src) => `${path}: picture does not show: ${src}`));
  }
  await bare.context().close();
}

async function signedIn() {
  // Signed in: the pages with forms, in both languages, and a folder sent in pieces by keyboard alone.
  const { name, word, pages, files, publish } = plan.account;
  let path = '/en/sign-in';
  const page = await open(path);
  page.on('response', (answer) => answer.status() >= 400 && problems.push(`${path}: ${answer.status()} ${answer.url()}`));
  await judge(page, path);
  await page.locator('#account').focus();
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(word);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/en/account');
  facts.account = await page.locator('main').innerText();
  for (const each of pages) {
    path = each;
    await go(page, path);
    await judgeForms(page, path);
  }
  path = publish.path;
  await go(page, path);
  await page.fill('#new_collection', publish.collection);
  await page.selectOption('#group', publish.group);
  await page.setInputFiles('#publish-files', files);
  await page.locator('ec-upload form button.primary').focus();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/drafts?new=**', { timeout: 60000 });
  facts.drafts = await page.locator('main').innerText();
  path = plan.account.search;
  await page.goto(origin + path);
  const plate = await page.locator('ec-box svg').boundingBox();
  await page.mouse.move(plate.x + plate.width * 0.4, plate.y + plate.height * 0.1);
  await page.mouse.down();
  await page.mouse.move(plate.x + plate.width * 0.7, plate.y + plate.height * 0.6, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL('**west=**');
  facts.box = Object.fromEntries(new URL(page.url()).searchParams);
  await page.context().close();
}

async function signedInAs(each) {
  // What stewards and operators see besides, every page in one scheme, the two in turn.
  const page = await open('/en/sign-in');
  page.on('response', (answer) => answer.status() >= 400 && problems.push(`${answer.status()} ${answer.url()}`));
  await signIn(page, each);
  for (const [n, path] of each.pages.entries()) {
    await page.emulateMedia({ colorScheme: n % 2 ? 'dark' : 'light' });
    await go(page, path);
    await judgeForms(page, path);
  }
  await page.context().close();
}

async function resumed() {
  // The line breaks in the middle of a file, the page is opened anew, and the same file is chosen again.
  const { account, other, path, file, collection, group } = plan.resume;
  const page = await open('/en/sign-in');
  const asked = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/uploads')) asked.push([request.method(), Number(request.headers()['upload-offset'] ?? -1)]);
  });
  const choose = async () => {
    await page.goto(origin + path);
    await page.fill('#new_collection', collection);
    await page.selectOption('#group', group);
    await page.setInputFiles('#publish-files', file);
  };
  await signIn(page, account);
  await choose();
  let pieces = 0;
  await page.route('**/api/uploads/*', (route) => (route.request().method() === 'PATCH' && (pieces += 1) > 1 ? route.abort() : route.continue()));
  const broken = page.waitForEvent('requestfailed', (request) => request.method() === 'PATCH');
  await page.click('ec-upload form button.primary');
  await broken;
  await page.unroute('**/api/uploads/*');
  // The browser tells its console of the line that was cut on purpose.
  const told = problems.findIndex((text) => text.includes('console: Failed to load resource: net::ERR_FAILED'));
  if (told >= 0) problems.splice(told, 1);
  facts.cut = asked.splice(0);
  facts.kept = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  // Somebody else on this browser begins their own.
  await page.context().clearCookies();
  await signIn(page, other);
  await choose();
  facts.otherSaid = await page.locator('.unfinished').count();
  const begun = page.waitForRequest((request) => request.url().includes('/api/uploads'));
  await page.click('ec-upload form button.primary');
  await begun;
  facts.otherAsked = asked.splice(0).slice(0, 1);
  // Left before the account is: what is still being sent would be refused.
  await page.goto('about:blank');
  await page.context().clearCookies();
  await signIn(page, account);
  await page.goto(origin + path);
  await page.locator('.unfinished').waitFor();
  facts.said = await page.locator('.unfinished').innerText();
  await choose();
  asked.splice(0);
  // The node is slow to answer, so that the bar is looked at while it stands where the file goes on.
  await page.route('**/api/uploads/*', async (route) => {
    if (route.request().method() === 'PATCH' && facts.bar === undefined) {
      facts.bar = await page.evaluate(() => document.querySelector('.upload-list progress').value);
      facts.note = await page.locator('.upload-list small').innerText();
    }
    await route.continue();
  });
  await page.click('ec-upload form button.primary');
  await page.waitForURL('**/drafts?new=**', { timeout: 60000 });
  facts.resumed = asked.splice(0);
  facts.left = await page.evaluate(() => Object.keys(localStorage));
  await page.context().close();
}

// Two at a time: one waits for the server or for a picture while the other is judged.
await Promise.all([
  (async () => {
    await asAnybody();
    for (const each of plan.others ?? []) await signedInAs(each);
  })(),
  (async () => {
    if (plan.account) await signedIn();
    if (plan.resume) await resumed();
  })(),
]);

await browser.close();
console.log(JSON.stringify({ problems, facts }));
