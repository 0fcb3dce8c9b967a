// The REST API: one way to call it, and what its failures mean to the page.

import { t } from './texts.js';

const BASE = '/api/v1';
/** No answer after so long is no answer: the server itself gives up after 15 seconds. */
const PATIENCE = 20_000;

/** The server's clock, by the Date of its last answer: secrets expire by it, whatever this machine's clock says. */
export const clock = {
  ahead: 0,
  now: () => Date.now() + clock.ahead,
};

/** What the session adds to a call; see session.js. */
export const hooks = {
  csrf: () => '',
  refreshCsrf: async () => false,
  renew: async () => false,
};

/** The server said no, and why. */
class Problem extends Error {
  constructor(response, body) {
    super(body?.detail ?? t.answered(response.status));
    this.status = response.status;
    this.retryAfter = Number(response.headers.get('Retry-After')) || null;
    this.requestId = response.headers.get('X-Request-Id');
  }
}

/** There was no answer, or none of this service: nobody knows whether a change was made. */
export class NoAnswer extends Error {
  constructor() {
    super(t.noAnswer);
  }
}

/** The session has ended, and the page shows the sign-in. */
export class SessionOver extends Error {}

/** The view was left. */
export const isAbort = (error) => error?.name === 'AbortError';

/** Whether a change may have been made although nothing good came back. */
export const isUnknown = (error) => error instanceof NoAnswer || (error instanceof Problem && error.status >= 500);

async function send(method, path, { body, background, signal }) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['X-CSRF-Token'] = hooks.csrf();
  if (background) headers['X-Background'] = '1';
  const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
  const options = { method, headers, signal: AbortSignal.any(signals), cache: 'no-store', redirect: 'error' };
  if (body !== undefined) options.body = JSON.stringify(body);
  try {
    const response = await fetch(BASE + path, options);
    const date = Date.parse(response.headers.get('Date'));
    if (date && Math.abs(date - clock.now()) > 2_000) clock.ahead = date - Date.now();
    return { response, content: await read(response) };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new NoAnswer();
  }
}

async function read(response) {
  const kind = response.headers.get('Content-Type') ?? '';
  if (response.status === 204 || !kind.includes('json')) return null;
  return response.json();
}

/** Calls the API. `background` marks what nobody asked for: it keeps no session alive. */
async function call(method, path, options = {}) {
  let { response, content } = await send(method, path, options);
  // Another tab may have signed in anew: the token that goes with the cookie is then another.
  if (response.status === 403 && method !== 'GET' && (await hooks.refreshCsrf())) {
    ({ response, content } = await send(method, path, options));
  }
  if (response.status === 401 && !options.signingIn) {
    if (!(await hooks.renew(options))) throw new SessionOver();
    ({ response, content } = await send(method, path, options));
  }
  if (!response.ok) throw new Problem(response, content);
  if (content === null && response.status !== 204) throw new NoAnswer();
  return content;
}

export const get = (path, options) => call('GET', path, options);
export const post = (path, body, options) => call('POST', path, { ...options, body });
export const patch = (path, body, options) => call('PATCH', path, { ...options, body });
export const remove = (path, options) => call('DELETE', path, options);

/** Saves an answer as a file. */
export async function download(path, type, file) {
  const response = await fetch(BASE + path, { headers: { Accept: type }, cache: 'no-store' }).catch(() => null);
  if (!response) throw new NoAnswer();
  if (!response.ok) throw new Problem(response, await read(response));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  Object.assign(link, { href: url, download: file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Every item of a list, following its pages; for lists that are short by their nature. */
export async function all(path, options) {
  const items = [];
  const mark = path.includes('?') ? '&' : '?';
  let after = '';
  do {
    const page = await get(`${path}${mark}limit=200${after}`, options);
    items.push(...page.items);
    after = page.next ? `&after=${encodeURIComponent(page.next)}` : null;
  } while (after !== null);
  return items;
}

/** What the server says of itself in the document. */
export const facts = JSON.parse(document.querySelector('meta[name="wmda-auth"]').content);
