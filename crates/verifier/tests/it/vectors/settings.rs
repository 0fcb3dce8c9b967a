//! Settings that would accept too much.

use verifier::{Algorithm, Issuer, Settings, SettingsError, StatusPolicy};

use crate::support::{AUDIENCE, Scene, URL};

#[test]
fn settings_that_accept_too_much_are_refused() {
    let good = Settings {
        issuers: vec![Issuer::standard(URL)],
        audiences: vec![AUDIENCE.to_owned()],
        algorithms: vec![Algorithm::ES256],
        skew_seconds: 60,
        status: StatusPolicy::Required,
    };
    let scene = Scene::new();
    let made = |settings: Settings| {
        let made = verifier::Verifier::new(settings, scene.world.clone(), scene.world.clone());
        made.err()
    };
    assert_eq!(made(good.clone()), None);
    let without = |change: fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        made(settings)
    };
    assert_eq!(
        without(|settings| settings.audiences.clear()),
        Some(SettingsError::Empty)
    );
    assert_eq!(
        without(|settings| settings.algorithms.clear()),
        Some(SettingsError::Empty)
    );
    assert_eq!(
        without(|settings| settings.issuers.clear()),
        Some(SettingsError::Empty)
    );
    assert_eq!(
        without(|settings| settings.skew_seconds = 61),
        Some(SettingsError::Skew)
    );
    assert_eq!(
        without(|settings| settings.issuers = vec![Issuer::standard("http://auth.example.org")]),
        Some(SettingsError::InsecureIssuer)
    );
}
