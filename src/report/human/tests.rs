use proptest::prelude::*;

use super::super::samples;
use super::*;

fn told(plan: &Plan) -> String {
    super::plan(plan, &Style::default())
}

#[test]
fn a_creation_is_compact_and_says_what_is_known_later() {
    insta::assert_snapshot!(told(&samples::creation()), @r"
    Pipeline clickstream in account 123456789012, eu-west-1

       + create key/clicks, named alias/tidegate/clickstream/clicks
          deletionWindow: 30d; description: clicks of pipeline clickstream;
            policy: 1 statement (AccountDelegatesByIam); rotation: 365d;
            tags: cost-centre=4711, team=web, +ownership tags

       + create stream/audit, about 1 min
          encryption: aws; mode: onDemand;
            tags: cost-centre=4711, team=web, +ownership tags

       + create stream/clicks, about 2 min
          encryption: arn of key/clicks (known after apply); mode: provisioned;
            retention: 7d; shards: 2, then owned by the autoscaler (2..64);
            tags: cost-centre=4711, team=web, +ownership tags

    Cost: $0.00 → $81.30 a month fixed, plus use (KMS key: requests; Kinesis data
          stream: ingest and retrieval by GB, PUT payload units)
    About 2 minutes.
    Plan: 3 to add, 0 to change, 0 to replace, 0 to destroy.
    ");
}

#[test]
fn a_resize_shows_its_hops_and_the_budget() {
    insta::assert_snapshot!(told(&samples::reshard()), @r"
Pipeline clickstream in account 123456789012, eu-west-1

   ~ update stream/clicks, about 5 min
      shards: 2 → 10
              2 → 4 → 8 → 10: three UpdateShardCount calls, about 5 min
    ! budget: uses 3 of the 8 resizes left in these 24 hours (AWS allows 10)

Cost: $51.10 → $255.50 a month fixed, plus use (Kinesis data stream: PUT payload
      units)
About 5 minutes.
Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
");
}

#[test]
fn a_shorter_retention_warns() {
    insta::assert_snapshot!(told(&samples::shorter_retention()), @r"
Pipeline clickstream in account 123456789012, eu-west-1

   ~ update stream/clicks, about 35 s
      retention: 7d → 24h
      tags:      +team=web
    ! data-loss: records older than 24h become unreadable at once, for ever

Cost: $29.20 a month fixed, as before, plus use (Kinesis data stream: ingest and
      retrieval by GB)
About 35 seconds.
Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
");
}

#[test]
fn a_mode_switch_hands_the_shards_to_the_autoscaler() {
    insta::assert_snapshot!(told(&samples::mode_switch()), @r"
Pipeline clickstream in account 123456789012, eu-west-1

   ~ update stream/clicks, about 4 min
      mode:   onDemand → provisioned
      shards: 1 → 4, then owned by the autoscaler (4..16)
              1 → 2 → 4: two UpdateShardCount calls, about 3 min
    ! budget: uses 2 of the 10 resizes left in these 24 hours (AWS allows 10)
    ! budget: uses 1 of the 2 mode switches left in these 24 hours (AWS allows
        2)

Cost: $29.20 → $43.80 a month fixed, plus use (Kinesis data stream: PUT payload
      units)
About 4 minutes.
Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
");
}

#[test]
fn what_is_held_says_why_and_what_to_do() {
    insta::assert_snapshot!(told(&samples::foreign()), @r"
    Pipeline clickstream in account 123456789012, eu-west-1

    Held: this plan leaves these alone
       ! key/clicks (not checked): kms:DescribeKey was denied for
            arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-4e5f; allow it to the
            role deployer
          To do: mend the cause, then run the command again; nothing is done to what
            cannot be read
       ! stream/audit (not ours): audit exists and does not carry this pipeline's
            tags
          To do: take it over with `--adopt stream/audit`, or choose another name
       ! stream/clicks (waiting): it needs key/clicks, which is held
          To do: see key/clicks

    Not checked: resources may be missing here
       ? roles below /tidegate/clickstream/: iam:ListRoles was denied; allow it to
          the role deployer

    Cost: $51.10 a month fixed, plus use (Kinesis data stream: PUT payload units)
    No changes, but clickstream is not as described. 3 held, see above.
    ");
}

#[test]
fn adoption_names_what_changes() {
    insta::assert_snapshot!(told(&samples::adopted()), @r"
    Pipeline clickstream in account 123456789012, eu-west-1

       ^ adopt stream/clicks, about 35 s
          it exists and is taken over (--adopt)
          retention: 24h → 7d
          tags:      +ownership tags

    Cost: $0.00 → $29.20 a month fixed, plus use (Kinesis data stream: ingest and
          retrieval by GB)
    About 35 seconds.
    Plan: 0 to add, 0 to change, 0 to replace, 0 to destroy, 1 to adopt.
    ");
}

#[test]
fn a_removal_keeps_deletes_and_holds() {
    insta::assert_snapshot!(told(&samples::removed()), @r"
    Pipeline clickstream in account 123456789012, eu-west-1

       - delete stream/clicks, about 30 s
          it has left the spec (onRemoval: delete)
        ! data-loss: every record still within its retention is lost for ever

    Held: this plan leaves these alone
       ! key/clicks (would lose data): its deletion loses everything encrypted with
            the key (once its deletion window has passed)
          To do: agree with `--allow-data-loss key/clicks`
       = stream/audit (kept): it has left the spec and is kept (onRemoval: retain)
          To do: to delete it, put the block back with `onRemoval: delete`, apply,
            and remove it again; stream/audit stays tagged until then

    Cost: $81.30 → $30.20 a month fixed, plus use (KMS key: requests; Kinesis data
          stream: ingest and retrieval by GB)
    About 30 seconds.
    1 held, 1 kept, see above.
    Plan: 0 to add, 0 to change, 0 to replace, 1 to destroy.
    ");
}

#[test]
fn both_halves_of_a_replacement_are_one() {
    insta::assert_snapshot!(told(&samples::replacement()), @r"
    Pipeline clickstream in account 123456789012, eu-west-1

     -/+ replace stream/clicks, about 2 min
          retention: 24h → 7d
        ! replacement: it is deleted and created again (it is CREATING_FAILED, which
            does not heal)
        ! data-loss: every record still within its retention is lost for ever

    Cost: $52.10 → $81.30 a month fixed, plus use (KMS key: requests; Kinesis data
          stream: ingest and retrieval by GB, PUT payload units)
    About 2 minutes.
    Plan: 0 to add, 0 to change, 1 to replace, 0 to destroy.
    ");
}

#[test]
fn nothing_to_do_is_said_in_one_sentence() {
    insta::assert_snapshot!(told(&samples::unchanged()), @r"
Pipeline clickstream in account 123456789012, eu-west-1

   ≈ stream/clicks shards 2, owned by the autoscaler (2..64)

Cost: $81.30 a month fixed, plus use (KMS key: requests; Kinesis data stream:
      ingest and retrieval by GB, PUT payload units)
No changes. clickstream is as described.
");
}

#[test]
fn a_wide_terminal_is_used() {
    insta::assert_snapshot!(super::plan(&samples::creation(), &Style { color: false, width: 200 }), @r"
    Pipeline clickstream in account 123456789012, eu-west-1

       + create key/clicks, named alias/tidegate/clickstream/clicks
          deletionWindow: 30d; description: clicks of pipeline clickstream; policy: 1 statement (AccountDelegatesByIam); rotation: 365d; tags: cost-centre=4711, team=web, +ownership tags

       + create stream/audit, about 1 min
          encryption: aws; mode: onDemand; tags: cost-centre=4711, team=web, +ownership tags

       + create stream/clicks, about 2 min
          encryption: arn of key/clicks (known after apply); mode: provisioned; retention: 7d; shards: 2, then owned by the autoscaler (2..64); tags: cost-centre=4711, team=web, +ownership tags

    Cost: $0.00 → $81.30 a month fixed, plus use (KMS key: requests; Kinesis data stream: ingest and retrieval by GB, PUT payload units)
    About 2 minutes.
    Plan: 3 to add, 0 to change, 0 to replace, 0 to destroy.
    ");
}

#[test]
fn colours_change_nothing_but_colour() {
    for plan in [samples::creation(), samples::foreign(), samples::removed()] {
        let colored = super::plan(&plan, &Style { color: true, width: 80 });
        assert!(colored.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), told(&plan));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_width_and_any_text_are_told(width in 0_usize..300, color: bool, text in r"(?s:.){0,40}") {
        let told = super::plan(&samples::huge(6, &text), &Style { color, width });
        let controls = |c: char| c.is_control() && c != '\n' && c != '\u{1b}';
        prop_assert!(!told.contains(controls));
        let escapes = told.contains('\u{1b}');
        prop_assert!(color || !escapes);
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_but_for_one_long_word(width in 60_usize..300) {
        for line in super::plan(&samples::creation(), &Style { color: false, width }).lines() {
            prop_assert!(line.chars().count() <= width || line.trim().split(' ').count() <= 2, "{}", line);
        }
    }
}
