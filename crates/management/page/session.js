// The session: who is signed in, as what and for how long. How it ends is in watch.js.

import { get } from './api.js';

/** `renewing`: the sign-in stands in front of what somebody was doing. */
export const session = { user: null, manages: [], csrf: '', expiresAt: 0, renewing: false };
/** What the tabs of one browser tell each other. */
export const tabs = new BroadcastChannel('wmda-auth');
/** When the server last heard of something that a person did. */
export const activity = { lastCall: Date.now(), last: Date.now() };

const has = (role) => session.user?.roles.includes(role) ?? false;
export const isAdmin = () => has('admin');
export const seesAll = () => has('admin') || has('auditor');
export const manages = (clientId) => session.manages.includes(clientId);

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
    if (!background) activity.lastCall = Date.now();
    return true;
  } catch (error) {
    if (error.status === 401) return false;
    throw error;
  }
}

/** After the sign-in was answered: this tab and the others go on. */
export function entered(view) {
  take(view);
  activity.lastCall = Date.now();
  activity.last = Date.now();
  tabs.postMessage({ kind: 'signed-in', user: view.user.id });
}

/** Nobody is signed in any more. */
export function forget() {
  Object.assign(session, { user: null, manages: [], csrf: '', expiresAt: 0, renewing: false });
}
