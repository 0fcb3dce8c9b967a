// Enrolment by a one-time link: a password, an authenticator, recovery codes.

import { connectAuthenticator, recoveryCodes } from './authenticator.js';
import { facts, post } from './api.js';
import { confirm, inDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { codeField, factorField, field, form, input, wording } from './forms.js';
import { guard } from './guards.js';
import { icon } from './icons.js';
import { note } from './notices.js';
import { passwordFields } from './passwords.js';
import { t, titled } from './texts.js';

const words = t.enrolment;

export async function enrolmentView(main, { token, done, signal }) {
  titled(words.tab);
  const link = await lookUp();
  if (link) choosePassword();

  /** Checks the link first, so that nobody chooses a password for an invalid one. */
  async function lookUp() {
    try {
      return await post('/enrolment/lookup', { token }, { signingIn: true, signal });
    } catch (error) {
      if (error.status !== 400) throw error;
      refused(error);
      return null;
    }
  }

  function refused(error) {
    const help = h('p', { class: 'muted' }, words.help(support()));
    entrance(words.refused, [note('danger', wording(error)), help, toSignIn(done)]);
  }

  function show(at, ...content) {
    const state = (index) => (index < at ? 'past' : index === at ? 'now' : 'ahead');
    const item = (text, index) =>
      h(
        'li',
        { class: state(index), 'aria-current': index === at ? 'step' : null },
        h('span', { class: 'step-mark', 'aria-hidden': 'true' }, index < at ? icon('check') : String(index + 1)),
        h('span', {}, text),
      );
    entrance(words.title, content, h('ol', { class: 'steps flat' }, words.steps.map(item)));
  }

  function entrance(title, content, steps = null) {
    replace(
      main,
      h('div', { class: 'entrance' }, h('h1', { tabindex: '-1' }, title), steps, h('div', { class: 'panel' }, content)),
    );
    main.querySelector('h1').focus();
  }

  function choosePassword() {
    const passwords = passwordFields();
    const send = async () => (passwords.good() ? connect(await begin(passwords.value())) : false);
    show(
      0,
      h('p', {}, words.hello(name(link.display_name)), ' ', link.purpose === 'reset' ? words.again : words.first),
      form({ fields: [username(link.email), passwords.fields], submit: t.continue, send }),
      h('p', { class: 'muted' }, words.help(support())),
    );
    passwords.fields[0].control.focus();
  }

  const begin = (password) => post('/enrolment', { token, password }, { signingIn: true });

  function connect(view) {
    const keeps = view.totp_secret === null;
    const factor = keeps ? factorField(words.codeOfYours) : withProof(codeField(words.codeShown));
    const send = async () => {
      const proof = factor.proof();
      if (!proof) return false;
      finish((await post('/enrolment/confirm', { token, ...proof }, { signingIn: true })).recovery_codes, view.email);
      return true;
    };
    show(
      1,
      keeps ? h('p', {}, words.keeps) : connectAuthenticator(view),
      form({ fields: [username(view.email), factor], submit: words.finish, send }),
    );
    return true;
  }

  function finish(codes, email) {
    history.replaceState(null, '', location.pathname);
    if (codes.length === 0) return show(2, note('ok', words.passwordSet), toSignIn(done));
    let kept = false;
    const keep = () => {
      kept = true;
    };
    const release = guard(() => !kept, ask);
    const go = () => {
      release();
      done();
    };
    return show(
      2,
      recoveryCodes(codes, keep),
      h('p', { class: 'muted' }, words.signInAs(name(email))),
      toSignIn(() => (kept ? go() : ask())),
    );

    async function ask() {
      if (inDialog()) return;
      const agreed = await confirm({
        title: words.leaveTitle,
        yes: words.wroteDown,
        no: t.back,
        body: h('p', {}, words.leaveMeans),
      });
      if (agreed) go();
    }
  }
}

const support = () => h('a', { href: `mailto:${facts.support_address}` }, facts.support_address);

const toSignIn = (onclick) =>
  h('div', { class: 'actions' }, h('button', { type: 'button', class: 'button primary', onclick }, words.toSignIn));

/** Tells password managers which account the password is for. */
const username = (email) =>
  field(t.email, input({ type: 'email', autocomplete: 'username', value: email, readonly: true }));

function withProof(code) {
  code.proof = () => {
    const digits = code.digits();
    if (!digits) code.fail(words.codeMissing);
    return digits ? { totp: digits } : null;
  };
  return code;
}
