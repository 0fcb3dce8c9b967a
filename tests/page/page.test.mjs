// One process, one browser, one sample admin: codes of an authenticator work once, so the files run one after another.

import './serving.mjs';
import './texts.mjs';
import './sign-in.mjs';
import './enrolment.mjs';
import './secrets.mjs';
import './keeping.mjs';
import './finding.mjs';
import './days.mjs';
import './rotation.mjs';
import './credentials.mjs';
import './states.mjs';
import './failures.mjs';
import './account.mjs';
import './directory.mjs';
import './team.mjs';
import './support.mjs';
