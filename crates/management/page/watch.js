// The end of a session, the same in every tab: the warning before it, the sign-in in front of what is open, and signing
// out. The timer counts what a person does: what the page asks by itself is marked and keeps nothing alive.

import { h, replace } from './dom.js';
import { clock, hooks, remove } from './api.js';
import { announce, toast } from './notices.js';
import { duration } from './dates.js';
import { closeAll, inDialog, openDialog } from './dialogs.js';
import { signInForm } from './sign-in.js';
import { activity, forget, load, session, tabs } from './session.js';

const WARN_BEFORE = 5 * 60_000;
const CHECK_EVERY = 15_000;
/** Somebody who types sends nothing: so often the page says that they are there. */
const SIGN_OF_LIFE = 4 * 60_000;

const listeners = { over: () => {}, entered: () => {}, changed: () => {} };
let renewing = null;
let warning = null;
/** An end that nothing puts off, and that the person knows of. */
let knownEnd = 0;

/** What the page does when somebody has entered, when the session is over, and when another tab changed something. */
export function listen({ over, entered, changed }) {
  Object.assign(listeners, { over, entered, changed });
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
  warning?.close();
  closeAll();
  listeners.over(reason);
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
    const leave = h(
      'button',
      {
        type: 'button',
        class: 'button quiet',
        onclick: () => {
          renewing = null;
          resolve(false);
          end('You have signed out.');
        },
      },
      'Leave without saving',
    );
    const dialog = openDialog({
      title: 'Sign in to go on',
      kind: 'small opaque',
      fixed: true,
      body: [
        h('p', {}, `${reason} What you typed is still here.`),
        signInForm({ email: before.email, done: back, extra: leave }),
      ],
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
  const active = activity.last > activity.lastCall;
  if (active && Date.now() - activity.lastCall > SIGN_OF_LIFE) return keep();
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
  } catch {
    /* No answer says nothing about the session. */
  }
  return false;
}

async function keep() {
  try {
    if (await load()) return;
    renew();
  } catch {
    /* The next check tries again. */
  }
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
  const leave = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: () => {
        warning.close();
        signOut().catch(check);
      },
    },
    'Sign out',
  );
  const timer = setInterval(tick, 1000);
  warning = openDialog({
    title: 'Are you still there?',
    kind: 'small',
    closed: () => {
      clearInterval(timer);
      warning = null;
    },
    body: [
      h(
        'p',
        {},
        'You will be signed out in ',
        left,
        '. A session ends after an hour without activity, and twelve hours after signing in. What you typed stays.',
      ),
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
  toast(
    `Twelve hours after signing in every session ends: this one in ${duration(left)}. Then sign in again; what you typed stays.`,
  );
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
  const active = () => {
    activity.last = Date.now();
  };
  for (const event of ['keydown', 'pointerdown', 'input'])
    addEventListener(event, active, { capture: true, passive: true });
  setInterval(check, CHECK_EVERY);
  document.addEventListener('visibilitychange', async () => {
    // A machine that slept, a tab that was away: ask before anything is believed.
    if (document.visibilityState === 'visible' && session.user && !renewing && (await alive())) check();
  });
}

Object.assign(hooks, { csrf: () => session.csrf, refreshCsrf, renew: () => renew() });
