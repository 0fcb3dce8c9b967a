// Sign-in: e-mail, password and a TOTP code in one step; or through the OpenID provider.

import { facts, get, post } from './api.js';
import { duration } from './dates.js';
import { h, replace } from './dom.js';
import { factorField, field, form, input } from './forms.js';
import { note } from './notices.js';
import { entered } from './session.js';
import { t, titled } from './texts.js';

const words = t.signIn;

const mailto = () => h('a', { href: `mailto:${facts.support_address}` }, facts.support_address);

/** The form. `done(view)` is called when the session is open. */
export function signInForm({ email = '', done, extra = null }) {
  const fixed = { value: email, readonly: email !== '' };
  const mail = field(
    t.email,
    input({ type: 'email', name: 'email', autocomplete: 'username', required: true, ...fixed }),
  );
  const password = field(
    t.password,
    input({ type: 'password', name: 'password', autocomplete: 'current-password', required: true }),
  );
  const factor = factorField(words.code);

  async function send() {
    const given = { email: mail.text(), password: password.control.value, cookie: true };
    const proof = factor.proof();
    if (!given.email) mail.fail(words.emailMissing);
    if (!given.password) password.fail(words.passwordMissing);
    if (!given.email || !given.password || !proof) return false;
    const view = await post('/session', { ...given, ...proof }, { signingIn: true }).catch((error) => {
      factor.clear();
      throw worded(error);
    });
    entered(view);
    done(view);
    return true;
  }

  const element = form({ fields: [mail, password, factor], submit: words.submit, send, extra });
  setTimeout(() => (email ? password : mail).control.focus());
  return element;
}

function worded(error) {
  if (error.status === 429) error.message = words.tooMany(duration((error.retryAfter ?? 60) * 1000));
  else if (error.status === 401) error.message = words.wrong;
  else return error;
  error.said = true;
  return error;
}

/** Alternatives to the password; null if there are none, or they are unknown. */
async function provider() {
  try {
    return (await get('/session/options', { signingIn: true, background: true })).openid ?? null;
  } catch {
    return null;
  }
}

/** The whole view. */
export function signInView(main, { reason = '', failure = '', done }) {
  titled(words.submit);
  const other = h('div', { class: 'other-way', hidden: true });
  const why = failure && (words.failures[failure] ?? words.failures.failed);
  replace(
    main,
    h(
      'div',
      { class: 'entrance' },
      h('h1', { tabindex: '-1' }, t.product),
      h('p', { class: 'lead' }, words.lead),
      h(
        'div',
        { class: 'panel' },
        why && h('div', { role: 'alert' }, note('danger', h('p', {}, why), h('p', {}, words.ask(mailto())))),
        reason && h('div', { role: 'status' }, note('info', reason)),
        other,
        signInForm({ done }),
      ),
      h('p', { class: 'muted' }, words.help(mailto())),
    ),
  );
  provider().then((openid) => {
    if (!openid) return;
    other.hidden = false;
    replace(
      other,
      h('a', { class: 'button wide', href: openid.start_url }, words.withProvider(openid.name)),
      h('p', { class: 'or' }, h('span', {}, words.orPassword)),
    );
  });
}
