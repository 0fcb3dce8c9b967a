// Sign-in: e-mail, password and a code in one step; or by the provider that the server names.

import { h, replace } from './dom.js';
import { facts, get, post } from './api.js';
import { field, form, input } from './forms.js';
import { entered } from './session.js';
import { note } from './notices.js';
import { duration } from './dates.js';

/** What can go wrong at the provider, in words. */
const FAILURES = {
  unknown_person:
    'You are signed in there, but nobody here knows you yet. Ask the WMDA team to add you as a credential manager.',
  no_mfa:
    'You signed in there without a second factor, and this page needs one. Set up multi-factor authentication there, then try again.',
  disabled: 'Your account here, or your organisation, is disabled. Ask the WMDA team why.',
  failed: 'Signing in there did not work. Try again; if it stays so, tell the WMDA team.',
};

const mailto = () => h('a', { href: `mailto:${facts.support_address}` }, facts.support_address);

/** The form. `done(view)` is called when the session is open. */
export function signInForm({ email = '', done, extra = null }) {
  const mail = field(
    'E-mail address',
    input({
      type: 'email',
      name: 'email',
      autocomplete: 'username',
      value: email,
      readonly: email !== '',
      required: true,
    }),
  );
  const password = field(
    'Password',
    input({ type: 'password', name: 'password', autocomplete: 'current-password', required: true }),
  );
  const code = field(
    'Code from your authenticator',
    input({
      name: 'totp',
      inputmode: 'numeric',
      autocomplete: 'one-time-code',
      maxlength: 7,
      class: 'input code',
      required: true,
    }),
    { advice: 'Six digits. Each code works once.' },
  );
  const recovery = field('Recovery code', input({ name: 'recovery', class: 'input code' }), {
    advice: 'One of the codes that you kept when you enrolled. Each works once.',
  });
  let usesRecovery = false;
  const second = h('div', {}, code);
  const swap = h(
    'button',
    {
      type: 'button',
      class: 'link',
      onclick: () => {
        usesRecovery = !usesRecovery;
        replace(second, usesRecovery ? recovery : code);
        swap.textContent = usesRecovery
          ? 'Use the authenticator instead'
          : 'Lost your authenticator? Use a recovery code';
        (usesRecovery ? recovery : code).control.focus();
      },
    },
    'Lost your authenticator? Use a recovery code',
  );

  async function send() {
    const proof = { email: mail.control.value.trim(), password: password.control.value, cookie: true };
    const factor = usesRecovery ? recovery : code;
    const digits = factor.control.value.replace(/\s/g, '');
    if (!proof.email) mail.fail('Write your e-mail address.');
    if (!proof.password) password.fail('Write your password.');
    if (!digits)
      factor.fail(
        usesRecovery ? 'Write one of your recovery codes.' : 'Write the six digits that your authenticator shows.',
      );
    if (!proof.email || !proof.password || !digits) return false;
    proof[usesRecovery ? 'recovery_code' : 'totp'] = digits;
    const view = await post('/session', proof, { signingIn: true }).catch((error) => {
      factor.control.value = '';
      throw worded(error);
    });
    entered(view);
    done(view);
    return true;
  }

  const element = form({ fields: [mail, password, second, swap], submit: 'Sign in', send, extra });
  setTimeout(() => (email ? password : mail).control.focus());
  return element;
}

function worded(error) {
  if (error.status === 401) {
    error.message =
      'E-mail address, password or code is wrong, or the code was used before. Wait for the next code and try again.';
  } else if (error.status === 429) {
    error.message = `Too many attempts. Try again in ${duration((error.retryAfter ?? 60) * 1000)}.`;
  }
  return error;
}

/** What is offered beside the password; null when nothing is, or nobody says. */
async function provider() {
  try {
    return (await get('/session/options', { signingIn: true, background: true })).openid ?? null;
  } catch {
    return null;
  }
}

/** The whole view. */
export function signInView(main, { reason = '', failure = '', done }) {
  document.title = 'Sign in – Manage API Credentials';
  const other = h('div', { class: 'other-way', hidden: true });
  const why = failure && (FAILURES[failure] ?? FAILURES.failed);
  replace(
    main,
    h(
      'div',
      { class: 'entrance' },
      h('h1', { tabindex: '-1' }, 'Manage API Credentials'),
      h(
        'p',
        { class: 'lead' },
        'Create, rotate and delete the client secrets with which your organisation’s systems call the WMDA APIs.',
      ),
      h(
        'div',
        { class: 'panel' },
        why && h('div', { role: 'alert' }, note('danger', h('p', {}, why), h('p', {}, 'Ask ', mailto(), '.'))),
        reason && h('div', { role: 'status' }, note('info', reason)),
        other,
        signInForm({ done }),
      ),
      h(
        'p',
        { class: 'muted' },
        'No account, a forgotten password, or no authenticator and no recovery code? Ask ',
        mailto(),
        '.',
      ),
    ),
  );
  provider().then((openid) => {
    if (!openid) return;
    other.hidden = false;
    replace(
      other,
      h('a', { class: 'button wide', href: openid.start_url }, `Sign in with ${openid.name}`),
      h('p', { class: 'or' }, h('span', {}, 'or with a password')),
    );
  });
}
