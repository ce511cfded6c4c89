//! Drift is reported, and put right only where a switch allows that kind of change.

use super::program::{SPEC, Shop};

#[test]
fn what_has_left_the_spec_goes_by_prune_alone() {
    let shop = Shop::of(&(SPEC.to_owned() + "    fanOut: [reader]\n"));
    std::fs::write(shop.path("tidegate.yaml"), SPEC).expect("the spec can be written");
    let is_left = || shop.says(&["plan"]).contains("- delete consumer/clicks/reader");
    for switches in [&[] as &[&str], &["--heal", "--apply"]] {
        let told = shop.run(&[switches, &["--for", "50m"]].concat());
        assert!(told.iter().any(|event| event["event"] == "drift" && event["done"] == 0), "{told:#?}");
        assert!(is_left(), "{switches:?} takes nothing away");
    }
    shop.run(&["--prune", "--for", "50m"]);
    assert!(!is_left());
}
