// Enrolment by a one-time link: a password, an authenticator, recovery codes.

import { h, name, replace, svg } from './dom.js';
import { facts, post } from './api.js';
import { field, form, input } from './forms.js';
import { copyButton, note } from './notices.js';
import { openDialog } from './dialogs.js';
import { icon } from './icons.js';

const SHORTEST = 8;
const STEPS = ['Password', 'Authenticator', 'Recovery codes'];

export function enrolmentView(main, { token, done }) {
  document.title = 'Enrol – Manage API Credentials';
  choosePassword();

  function show(at, ...content) {
    replace(
      main,
      h(
        'div',
        { class: 'entrance' },
        h('h1', { tabindex: '-1' }, 'Set up your access'),
        h(
          'ol',
          { class: 'steps flat' },
          STEPS.map((text, index) =>
            h(
              'li',
              {
                class: index < at ? 'past' : index === at ? 'now' : 'ahead',
                'aria-current': index === at ? 'step' : null,
              },
              h('span', { class: 'step-mark', 'aria-hidden': 'true' }, index < at ? icon('check') : String(index + 1)),
              h('span', {}, text),
            ),
          ),
        ),
        h('div', { class: 'panel' }, content),
      ),
    );
    main.querySelector('h1').focus();
  }

  function choosePassword() {
    const first = field('Password', input({ type: 'password', autocomplete: 'new-password', maxlength: 256 }), {
      advice: `At least ${SHORTEST} characters of any kind. A sentence that only you know is good; one that you use elsewhere is not.`,
    });
    const again = field(
      'The same once more',
      input({ type: 'password', autocomplete: 'new-password', maxlength: 256 }),
    );
    show(
      0,
      h('p', {}, 'Your link works once. First choose a password; then you connect an authenticator app on your phone.'),
      form({
        fields: [first, again],
        submit: 'Go on',
        send: async () => {
          const [password, repeated] = [first.control.value, again.control.value];
          if ([...password].length < SHORTEST) first.fail(`Use at least ${SHORTEST} characters.`);
          else if (password !== repeated) again.fail('The two are not the same.');
          else return connect(await begin(password));
          return false;
        },
      }),
      h(
        'p',
        { class: 'muted' },
        'The link does not work? Ask ',
        h('a', { href: `mailto:${facts.support_address}` }, facts.support_address),
        ' for a new one.',
      ),
    );
    first.control.focus();
  }

  const begin = (password) => post('/enrolment', { token, password }, { signingIn: true });

  function connect(view) {
    const keeps = view.totp_secret === null;
    const code = field(
      keeps ? 'Code from the authenticator that you have' : 'Code that the app shows now',
      input({
        inputmode: 'numeric',
        autocomplete: 'one-time-code',
        maxlength: 7,
        class: 'input code',
      }),
      { advice: 'Six digits. Each code works once.' },
    );
    const recovery = field('Recovery code', input({ class: 'input code' }), {
      advice: 'One of the codes that you kept when you enrolled.',
    });
    let usesRecovery = false;
    const second = h('div', {}, code);
    const swap =
      keeps &&
      h(
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
          },
        },
        'Lost your authenticator? Use a recovery code',
      );
    show(
      1,
      keeps ? h('p', {}, 'Your authenticator stays as it is: prove that you have it.') : scan(view),
      form({
        fields: [second, swap || null],
        submit: 'Finish',
        send: async () => {
          const shown = usesRecovery ? recovery : code;
          const digits = shown.control.value.replace(/\s/g, '');
          if (!digits) {
            shown.fail(usesRecovery ? 'Write one of your recovery codes.' : 'Write the six digits that the app shows.');
            return false;
          }
          const proof = usesRecovery ? { recovery_code: digits } : { totp: digits };
          finish(
            (await post('/enrolment/confirm', { token, ...proof }, { signingIn: true })).recovery_codes,
            view.email,
          );
          return true;
        },
      }),
    );
    return true;
  }

  function finish(codes, email) {
    history.replaceState(null, '', location.pathname);
    if (codes.length === 0) {
      show(
        2,
        note('ok', 'Your new password is set. Your authenticator and your recovery codes stay as they were.'),
        onward(() => true),
      );
      return;
    }
    let kept = false;
    const keep = () => {
      kept = true;
    };
    const text = `${codes.join('\n')}\n`;
    show(
      2,
      note(
        'warning',
        h('p', {}, h('strong', {}, 'Keep these codes now: they will not be shown again.')),
        h(
          'p',
          {},
          'Each stands in once for your authenticator, if you lose your phone. Print them, or put them into a password manager.',
        ),
      ),
      h(
        'ul',
        { class: 'codes' },
        codes.map((one) => h('li', {}, h('code', {}, one))),
      ),
      h(
        'div',
        { class: 'row' },
        copyButton(text, 'the recovery codes', { label: 'Copy codes', kind: '', after: keep }),
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            onclick: () => {
              save(text);
              keep();
            },
          },
          icon('down'),
          'Download',
        ),
        h(
          'button',
          {
            type: 'button',
            class: 'button',
            onclick: () => {
              print();
              keep();
            },
          },
          'Print',
        ),
      ),
      h('p', { class: 'muted' }, 'You sign in as ', name(email), '.'),
      onward(() => kept),
    );
  }

  function onward(kept) {
    const go = h(
      'button',
      { type: 'button', class: 'button primary', onclick: () => (kept() ? done() : ask()) },
      'Go to sign-in',
    );
    return h('div', { class: 'actions' }, go);
    function ask() {
      const question = openDialog({
        title: 'Go on without the codes?',
        kind: 'small',
        body: [
          h('p', {}, 'You have neither copied, downloaded nor printed them. They can’t be shown again.'),
          h(
            'div',
            { class: 'actions' },
            h('button', { type: 'button', class: 'button primary', onclick: () => question.close() }, 'Go back'),
            h(
              'button',
              {
                type: 'button',
                class: 'button',
                onclick: () => {
                  question.close();
                  done();
                },
              },
              'I wrote them down',
            ),
          ),
        ],
      });
    }
  }
}

function scan(view) {
  const secret = view.totp_secret.replace(/(.{4})(?=.)/g, '$1 ');
  return [
    h('p', {}, 'Scan this code with an authenticator app, such as the one your organisation uses.'),
    qrCode(view.qr_code),
    h(
      'details',
      {},
      h('summary', {}, 'You can’t scan it?'),
      h('p', {}, 'Type this key into the app, as time-based, for ', name(view.email), ':'),
      h('p', { class: 'id-line' }, h('code', { class: 'key' }, secret), copyButton(view.totp_secret, 'the key')),
      h('p', {}, h('a', { href: view.otpauth_uri }, 'Open the app on this device')),
    ),
  ];
}

/** Dark modules on white, with a quiet zone of four: scanners need both, also at night. */
function qrCode(rows) {
  const size = rows.length + 8;
  const path = rows
    .flatMap((row, y) => [...row].map((module, x) => (module === '1' ? `M${x + 4} ${y + 4}h1v1h-1z` : '')))
    .join('');
  return svg(
    'svg',
    {
      class: 'qr',
      viewBox: `0 0 ${size} ${size}`,
      role: 'img',
      'aria-label': 'QR code with the key for your authenticator',
      'shape-rendering': 'crispEdges',
    },
    svg('rect', { width: size, height: size, fill: '#fff' }),
    svg('path', { d: path, fill: '#000' }),
  );
}

function save(text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  h('a', { href: url, download: 'wmda-recovery-codes.txt' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
