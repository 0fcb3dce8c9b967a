// My account: password, authenticator, recovery codes, sessions, and mail preferences.

import { get, patch, post, remove } from './api.js';
import { connectAuthenticator, recoveryCodes } from './authenticator.js';
import { moment, relative } from './dates.js';
import { confirm, openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { codeField, factorField, field, form, input } from './forms.js';
import { guarded, table } from './lists.js';
import { note, toast } from './notices.js';
import { passwordFields } from './passwords.js';
import { session } from './session.js';
import { t, titled } from './texts.js';

const words = t.account;

export async function accountView(main, { signal }) {
  titled(words.title);
  const problem = h('div', { role: 'alert' });
  const body = h('div', {});
  const show = async () => {
    const [account, sessions] = await Promise.all([get('/account', { signal }), get('/account/sessions', { signal })]);
    replace(body, signInSection(account, show), sessionsSection(sessions.items, problem, show), mailSection(account));
  };
  await show();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, words.title),
        h('p', { class: 'lead' }, name(session.user.display_name), ' · ', name(session.user.email)),
      ),
    ),
    problem,
    body,
  );
}

/** The authentication factors, and how to change each. */
function signInSection(account, refresh) {
  const row = (title, text, label, onclick) =>
    h(
      'li',
      {},
      h('div', {}, h('strong', {}, title), h('div', { class: 'muted small' }, text)),
      h(
        'button',
        { type: 'button', class: 'button', onclick },
        label,
        h('span', { class: 'unseen' }, ` (${title.toLowerCase()})`),
      ),
    );
  const own = account.has_password && account.has_authenticator;
  return h(
    'section',
    { 'aria-labelledby': 'sign-in-title' },
    h('h2', { id: 'sign-in-title' }, words.signIn),
    account.identity_issuer && h('p', { class: 'muted' }, words.identity(h('code', {}, account.identity_issuer))),
    own
      ? h(
          'ul',
          { class: 'panel rows' },
          row(t.password, words.passwordIs, words.change, () => changePassword(account)),
          row(words.authenticator, words.authenticatorIs, words.replace, () => replaceAuthenticator(account, refresh)),
          row(words.codes, words.codesLeft(account.recovery_codes_left), words.newCodes, () =>
            newCodes(account, refresh),
          ),
        )
      : h('p', { class: 'panel empty' }, words.noPassword),
  );
}

/** Whoever changes a factor re-authenticates. */
function proofFields(account) {
  const who = input({ type: 'email', autocomplete: 'username', value: account.user.email, readonly: true });
  const password = field(words.currentPassword, input({ type: 'password', autocomplete: 'current-password' }));
  const factor = factorField(t.signIn.code);
  return {
    fields: [field(t.email, who), password, factor],
    password,
    clear: () => factor.clear(),
    /** Null when a factor is missing. */
    value() {
      const proof = factor.proof();
      if (!password.control.value) password.fail(t.signIn.passwordMissing);
      return password.control.value && proof ? { password: password.control.value, ...proof } : null;
    },
  };
}

/** Opens a dialog for re-authentication; `next(proof, dialog)` goes on with the factors. */
function askProof(account, { title, intro, extra = [], submit, next, mayGo = () => true }) {
  const proof = proofFields(account);
  const send = async () => {
    const given = proof.value();
    if (!given || !mayGo()) return false;
    try {
      await next(given, dialog);
    } catch (error) {
      // A code can be used once, even if the request was refused for another reason.
      proof.clear();
      throw error;
    }
    return true;
  };
  const dialog = openDialog({
    title,
    body: [
      h('p', {}, intro),
      form({ fields: [...proof.fields, ...extra], submit, cancel: () => dialog.leave(), send }),
    ],
  });
  proof.password.control.focus();
}

function changePassword(account) {
  const passwords = passwordFields();
  askProof(account, {
    title: words.changePassword,
    intro: words.endsOthers,
    extra: passwords.fields,
    submit: words.changePassword,
    mayGo: () => passwords.good(),
    next: async (proof, dialog) => {
      await post('/account/password', { ...proof, new_password: passwords.value() });
      dialog.close();
      toast(words.passwordChanged);
    },
  });
}

function replaceAuthenticator(account, refresh) {
  askProof(account, {
    title: words.replaceAuthenticator,
    intro: words.replaceMeans,
    submit: t.continue,
    next: async (proof, dialog) => {
      const view = await post('/account/authenticator', proof);
      connect(view, dialog, refresh);
    },
  });
}

function connect(view, dialog, refresh) {
  const code = codeField(t.enrolment.codeShown);
  const send = async () => {
    if (!code.digits()) {
      code.fail(t.enrolment.codeMissing);
      return false;
    }
    const made = await post('/account/authenticator/confirm', { token: view.token, totp: code.digits() });
    showCodes(made.recovery_codes, dialog, refresh);
    return true;
  };
  replace(
    dialog.element.querySelector('.dialog-body'),
    connectAuthenticator(view),
    form({ fields: [code], submit: t.enrolment.finish, cancel: () => dialog.leave(), send }),
  );
  dialog.retitle(words.newAuthenticator);
}

function newCodes(account, refresh) {
  askProof(account, {
    title: words.newCodesTitle,
    intro: words.newCodesMeans,
    submit: words.newCodes,
    next: async (proof, dialog) => {
      const made = await post('/account/recovery-codes', proof);
      showCodes(made.recovery_codes, dialog, refresh);
    },
  });
}

/** The recovery codes, shown once: leaving without them asks first. */
function showCodes(codes, dialog, refresh) {
  let kept = false;
  const keep = () => {
    kept = true;
  };
  dialog.protect(
    () => !kept,
    async () => {
      const asked = { title: t.enrolment.leaveTitle, yes: t.enrolment.wroteDown, no: t.back };
      if (!(await confirm({ ...asked, body: h('p', {}, t.enrolment.leaveMeans) }))) return;
      keep();
      dialog.close();
    },
  );
  replace(
    dialog.element.querySelector('.dialog-body'),
    recoveryCodes(codes, keep),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'button primary', onclick: dialog.leave }, t.done),
    ),
  );
  dialog.retitle(words.codes);
  refresh().catch(() => {});
}

function sessionsSection(sessions, problem, refresh) {
  const end = (path, said) =>
    guarded(problem, async () => {
      await remove(path);
      toast(said);
      await refresh();
    });
  const list = table(words.sessions, words.sessionColumns);
  const cells = (one) => [
    one.user_agent ? name(one.user_agent, { class: 'agent' }) : words.unknownProgram,
    one.source ? h('code', {}, one.source) : '–',
    moment(one.created_at),
    relative(one.last_seen_at),
    one.current
      ? h('span', { class: 'badge ok' }, words.thisSession)
      : h(
          'button',
          {
            type: 'button',
            class: 'button quiet danger',
            onclick: () => end(`/account/sessions/${one.id}`, words.sessionEnded),
          },
          words.end,
        ),
  ];
  list.fill(sessions.map(cells));
  return h(
    'section',
    { 'aria-labelledby': 'sessions-title' },
    h(
      'div',
      { class: 'section-head' },
      h('h2', { id: 'sessions-title' }, words.sessions),
      sessions.length > 1 &&
        h(
          'button',
          { type: 'button', class: 'button', onclick: () => end('/account/sessions', words.othersEnded) },
          words.endOthers,
        ),
    ),
    h('p', { class: 'muted' }, words.sessionsLead),
    list,
  );
}

/** Which reminders the person gets. Urgent ones can't be turned off. */
function mailSection(account) {
  const problem = h('div', { role: 'alert' });
  const choose = (wanted) =>
    guarded(problem, async () => {
      await patch('/account', { reminders: wanted });
      toast(t.saved);
    });
  const option = ([value, [label, what]]) =>
    h(
      'label',
      { class: 'check' },
      h('input', {
        type: 'radio',
        name: 'reminders',
        value,
        checked: account.reminders === value,
        onchange: () => choose(value),
      }),
      h('span', {}, label, h('span', { class: 'muted small block' }, what)),
    );
  return h(
    'section',
    { 'aria-labelledby': 'mail-title' },
    h('h2', { id: 'mail-title' }, words.mail),
    problem,
    h(
      'fieldset',
      { class: 'panel fieldset' },
      h('legend', { class: 'unseen' }, words.mail),
      h('div', { class: 'checks' }, Object.entries(words.reminders).map(option)),
    ),
    note('info', words.alwaysTold),
  );
}
