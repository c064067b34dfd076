//! Tests of reading certificates, with hostile bytes among them.

use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rcgen::{CertificateParams, IsCa, KeyPair, date_time_ymd};

use super::*;

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(["server.test".to_owned()]).unwrap();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

#[test]
fn dates_are_read_in_both_forms() {
    let seconds = |year| {
        let der = certificate(|params| {
            params.not_before = date_time_ymd(year, 2, 28);
            params.not_after = date_time_ymd(year, 3, 1);
        });
        let (from, to) = CertificateFields::read(&der).unwrap().validity().unwrap();
        (from.as_secs(), to.as_secs())
    };
    let day = 86_400;
    assert_eq!(seconds(1970), (58 * day, 59 * day));
    assert_eq!(seconds(2000), (951_696_000, 951_696_000 + 2 * day));
    assert_eq!(seconds(2049), (2_498_083_200, 2_498_083_200 + day));
    // From 2050 on, the year has four digits.
    assert_eq!(seconds(2052), (2_592_691_200, 2_592_691_200 + 2 * day));
    assert_eq!(seconds(2100), (4_107_456_000, 4_107_456_000 + day));
}

#[test]
fn malformed_dates_are_not_read() {
    for text in ["", "5", "200101000000", "2001010000000", "20x101000000Z", "201301000000Z", "200100000000Z", "2001"] {
        for tag in [UTC_TIME, GENERALIZED_TIME] {
            let mut element = vec![tag, text.len() as u8];
            element.extend_from_slice(text.as_bytes());
            assert!(DerReader(&element).time().is_none(), "{text}");
        }
    }
    assert!(DerReader(b"\x17\x0d200101000000Z").time().is_some());
    assert!(DerReader(b"\x18\x0f99991231235959Z").time().is_some());
    assert_eq!(DerReader(b"\x17\x0d500101000000Z").time().unwrap().as_secs(), 0);
}

#[test]
fn alternative_names_are_found_behind_other_extensions() {
    let without = certificate(|params| params.subject_alt_names.clear());
    assert!(CertificateFields::read(&without).unwrap().extension(SUBJECT_ALT_NAME).is_none());
    let with = certificate(|params| {
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
    });
    assert!(CertificateFields::read(&with).unwrap().extension(SUBJECT_ALT_NAME).is_some());
}

#[test]
fn cut_certificates_are_refused_at_every_length() {
    let der = certificate(|_| {});
    for length in 0..der.len() {
        assert!(CertificateFields::read(&der[..length]).is_none(), "{length}");
    }
    let mut longer = der.to_vec();
    longer.push(0);
    assert!(CertificateFields::read(&longer).is_none());
}

#[test]
fn changed_bytes_cause_no_panic() {
    let der = certificate(|params| params.not_after = date_time_ymd(2100, 1, 1));
    for position in 0..der.len() {
        for value in [0, 1, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xff] {
            let mut changed = der.to_vec();
            changed[position] = value;
            if let Some(fields) = CertificateFields::read(&changed) {
                let _ = (fields.validity(), fields.is_for(SERVER_AUTH), fields.extension(SUBJECT_ALT_NAME));
            }
        }
    }
}

#[test]
fn private_keys_have_a_structure() {
    let key = KeyPair::generate().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let der = key.secret_der();
    assert!(is_private_key(der));
    assert!((0..der.len()).all(|length| !is_private_key(&der[..length])));
    assert!(!is_private_key(&certificate(|_| {})));
}

#[test]
fn authority_is_told_from_other_certificates() {
    use rcgen::{BasicConstraints, KeyUsagePurpose};
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    let (sign, other) = (KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature);
    for (is_ca, uses, expected) in [
        (authority, vec![], true),
        (IsCa::Ca(BasicConstraints::Constrained(0)), vec![], true),
        (authority, vec![other, sign], true),
        (authority, vec![other], false),
        (IsCa::ExplicitNoCa, vec![], false),
        (IsCa::ExplicitNoCa, vec![sign], false),
        (IsCa::NoCa, vec![], false),
        // `rcgen` writes the uses of the key in any case.
        (IsCa::NoCa, vec![sign], true),
    ] {
        let der = certificate(|params| {
            params.is_ca = is_ca;
            params.key_usages = uses.clone();
        });
        assert_eq!(CertificateFields::read(&der).unwrap().is_authority(), expected, "{is_ca:?} {uses:?}");
    }
}

#[test]
fn malformed_constraints_make_no_authority() {
    for constraints in
        [&b""[..], b"\x30", b"\x30\x00", b"\x30\x03\x01\x01\x00", b"\x30\x03\x02\x01\x01", b"\x01\x01\xff"]
    {
        assert!(!says_authority(constraints), "{}", constraints.escape_ascii());
    }
    assert!(says_authority(b"\x30\x03\x01\x01\xff") && says_authority(b"\x30\x06\x01\x01\xff\x02\x01\x00"));
    for uses in [&b""[..], b"\x03", b"\x03\x00", b"\x03\x01\x00", b"\x03\x02\x01\x82", b"\x04\x02\x01\x06"] {
        assert!(!allows_cert_sign(uses), "{}", uses.escape_ascii());
    }
    assert!(allows_cert_sign(b"\x03\x02\x01\x06"));
}
