// The session: who is signed in, for how long, and the same in every tab. The timer counts what a person does: what
// the page asks by itself is marked and keeps nothing alive.

import { h, replace } from './dom.js';
import { clock, get, hooks, remove } from './api.js';
import { announce, toast } from './notices.js';
import { duration } from './dates.js';
import { closeAll, inDialog, openDialog } from './dialogs.js';
import { signInForm } from './sign-in.js';

const WARN_BEFORE = 5 * 60_000;
const CHECK_EVERY = 15_000;
/** Somebody who types sends nothing: so often the page says that they are there. */
const SIGN_OF_LIFE = 4 * 60_000;

export const session = { user: null, manages: [], csrf: '', expiresAt: 0 };
const tabs = new BroadcastChannel('wmda-auth');
const listeners = { over: () => {}, entered: () => {}, changed: () => {} };
let lastActivity = Date.now();
let lastCall = Date.now();
let renewing = null;
let warning = null;
/** An end that nothing puts off, and that the person knows of. */
let knownEnd = 0;

const has = (role) => session.user?.roles.includes(role) ?? false;
export const isAdmin = () => has('admin');
export const seesAll = () => has('admin') || has('auditor');
export const manages = (clientId) => session.manages.includes(clientId);

/** What the page does when somebody has entered, when the session is over, and when another tab changed something. */
export function listen({ over, entered, changed }) {
  Object.assign(listeners, { over, entered, changed });
}

/** Tells the other tabs that an application is not what it was. */
export const tellChanged = (clientId) => tabs.postMessage({ kind: 'changed', clientId });

function take(view) {
  session.user = view.user;
  session.manages = view.manages;
  session.csrf = view.csrf_token ?? session.csrf;
  session.expiresAt = Date.parse(view.expires_at);
}

/** Asks who is signed in; answers false when nobody is. */
export async function load({ background = false } = {}) {
  try {
    take(await get('/session', { signingIn: true, background }));
    if (!background) lastCall = Date.now();
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}

/** After the sign-in was answered: this tab and the others go on. */
export function entered(view) {
  take(view);
  lastCall = Date.now();
  lastActivity = Date.now();
  tabs.postMessage({ kind: 'signed-in', user: view.user.id });
}

/** Signs out, here and in every tab. */
export async function signOut() {
  try {
    await remove('/session', { signingIn: true });
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  tabs.postMessage({ kind: 'signed-out' });
  end('You have signed out.');
}

function end(reason) {
  forget();
  closeAll();
  listeners.over(reason);
}

function forget() {
  Object.assign(session, { user: null, manages: [], csrf: '', expiresAt: 0 });
  warning?.close();
}

/**
 * The session is over in the middle of something. With a dialog open, the sign-in stands in front of it and what was
 * typed stays; otherwise the sign-in takes the view's place. Answers whether the same person is back.
 */
function renew(reason = 'Your session has ended.') {
  warning?.close();
  if (!inDialog() || !session.user) {
    if (session.user) end(`${reason} Sign in to go on.`);
    return Promise.resolve(false);
  }
  renewing ??= new Promise((resolve) => {
    const before = session.user;
    const back = (view) => {
      if (view.user.id !== before.id) location.reload();
      renewing = null;
      dialog.close();
      resolve(true);
    };
    const leave = h('button', { type: 'button', class: 'button quiet', onclick: () => { renewing = null; resolve(false); end('You have signed out.'); } },
      'Leave without saving');
    const dialog = openDialog({
      title: 'Sign in to go on', kind: 'small opaque', fixed: true,
      body: [h('p', {}, `${reason} What you typed is still here.`), signInForm({ email: before.email, done: back, extra: leave })],
    });
    renew.back = back;
    announce('Your session has ended. Sign in to go on.');
  });
  return renewing;
}

async function refreshCsrf() {
  const [before, user] = [session.csrf, session.user?.id];
  if (!(await load())) return false;
  if (session.user.id !== user) location.reload();
  return session.csrf !== before;
}

/** Looks at the clock: warns before the end, and ends. */
async function check() {
  if (!session.user || renewing) return;
  const active = lastActivity > lastCall;
  if (active && Date.now() - lastCall > SIGN_OF_LIFE) return keep();
  if (session.expiresAt - clock.now() > WARN_BEFORE) return undefined;
  // Another tab may have been used meanwhile.
  if (!(await alive())) return undefined;
  const left = session.expiresAt - clock.now();
  if (left > WARN_BEFORE) return warning?.close();
  return warn();
}

async function alive() {
  try {
    if (await load({ background: true })) return true;
    renew('You were signed out: an hour without activity, or twelve hours after signing in.');
  } catch { /* No answer says nothing about the session. */ }
  return false;
}

async function keep() {
  try {
    if (await load()) return;
    renew();
  } catch { /* The next check tries again. */ }
}

function warn() {
  if (warning || knownEnd === session.expiresAt) return;
  const left = h('strong', {});
  const tick = () => {
    const seconds = Math.max(0, Math.round((session.expiresAt - clock.now()) / 1000));
    replace(left, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
    if (seconds === 0) check();
  };
  const stay = h('button', { type: 'button', class: 'button primary', onclick: stayOn }, 'Stay signed in');
  const leave = h('button', { type: 'button', class: 'button', onclick: () => { warning.close(); signOut().catch(check); } }, 'Sign out');
  const timer = setInterval(tick, 1000);
  warning = openDialog({
    title: 'Are you still there?', kind: 'small',
    closed: () => { clearInterval(timer); warning = null; },
    body: [
      h('p', {}, 'You will be signed out in ', left, '. A session ends after an hour without activity, and twelve hours after signing in. What you typed stays.'),
      h('div', { class: 'actions' }, stay, leave),
    ],
  });
  tick();
}

async function stayOn() {
  await keep();
  warning?.close();
  const left = session.expiresAt - clock.now();
  if (!session.user || left > WARN_BEFORE) return;
  knownEnd = session.expiresAt;
  toast(`Twelve hours after signing in every session ends: this one in ${duration(left)}. Then sign in again; what you typed stays.`);
}

tabs.addEventListener('message', async ({ data }) => {
  if (data.kind === 'signed-out' && session.user) {
    if (inDialog()) renew('You signed out in another tab.');
    else end('You signed out in another tab.');
  } else if (data.kind === 'signed-in') {
    if (session.user && session.user.id !== data.user) location.reload();
    else if (await load({ background: true })) renewing ? renew.back({ user: session.user }) : listeners.entered();
  } else if (data.kind === 'changed' && session.user) {
    listeners.changed(data.clientId);
  }
});

/** Starts the watch. */
export function watch() {
  const active = () => { lastActivity = Date.now(); };
  for (const event of ['keydown', 'pointerdown', 'input']) addEventListener(event, active, { capture: true, passive: true });
  setInterval(check, CHECK_EVERY);
  document.addEventListener('visibilitychange', async () => {
    // A machine that slept, a tab that was away: ask before anything is believed.
    if (document.visibilityState === 'visible' && session.user && !renewing && (await alive())) check();
  });
}

Object.assign(hooks, { csrf: () => session.csrf, refreshCsrf, renew: () => renew() });
