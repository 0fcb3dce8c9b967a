//! Full re-authentication: password and second factor, within a session (NIST SP 800-63B-4 §4.1.2.1).

use domain::{audit::Outcome, audit_action::AuditAction};

use crate::{
    http::{caller::Caller, problem::Problem},
    sign_in::{attempts::Origin, totp::SecondFactor},
};

/// The factors that the caller presents again.
pub(super) struct PresentedFactors {
    pub(super) password: String,
    pub(super) totp: Option<String>,
    pub(super) recovery_code: Option<String>,
}

impl Caller {
    /// Verifies the factors under the same rate limits as a sign-in; audits a failure.
    pub(super) async fn reauthenticate(
        &self,
        from: &Origin,
        factors: PresentedFactors,
    ) -> Result<(), Problem> {
        let factor = SecondFactor::read(factors.totp, factors.recovery_code)?;
        let (service, user) = (&self.service, &self.session.user);
        let _turn = service.turns.take(from.source).await?;
        let counted = service.count_attempt(&user.email, from).await?;
        let record = service.store.sign_in_record(user.email.clone()).await?;
        let (hash, sealed) = record.map_or((None, None), |known| (known.password_hash, known.totp_secret));
        let (Some(hash), Some(sealed)) = (hash, sealed) else {
            let remedy = "this account has no password: ask the WMDA team for an enrolment link";
            return Err(Problem::Conflict(remedy.to_owned()));
        };
        let right = service.password_matches(factors.password, Some(hash)).await?
            && service
                .second_factor_matches((user.id, &user.email), &sealed, factor)
                .await?;
        if !right {
            service
                .record_failure((user, AuditAction::AccountReauthenticate), &counted, from)
                .await?;
            return Err(Problem::Forbidden(
                "password or code is wrong, or the code was used before: use the next one",
            ));
        }
        let place = from.source.0.to_string();
        let object = format!("user/{}", user.id);
        let entry = service.entry(
            (&user.email, &place),
            AuditAction::AccountReauthenticate,
            object,
            Outcome::Done,
        );
        Ok(service
            .store
            .forgive_attempts(counted.own, counted.shared, entry)
            .await?)
    }
}
