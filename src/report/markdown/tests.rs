use proptest::prelude::*;

use super::super::samples;
use super::*;

const GITHUB: usize = 65_536;

#[test]
fn a_comment_says_the_risks_before_anything_collapses() {
    insta::assert_snapshot!(plan(&[samples::reshard()]), @r"
**Tidegate: clickstream**: 0 to add, 1 to change, 0 to replace, 0 to destroy ⚠️

### clickstream in account 123456789012, eu-west-1

0 to add, 1 to change, 0 to replace, 0 to destroy · about 5 min · &#36;51.10 → &#36;255.50 a month fixed, plus use (Kinesis data stream: PUT payload units)

> [!WARNING]
> - **budget** <code>stream/clicks</code>: uses 3 of the 8 resizes left in these 24 hours (AWS allows 10)

| | Resource | What | Time |
|---|---|---|---|
| `~` | <code>stream/clicks</code> | update: shards | about 5 min |

<details><summary>~ update <code>stream/clicks</code></summary>

- shards: 2 → 10
  - 2 → 4 → 8 → 10: three UpdateShardCount calls, about 5 min
- ⚠️ budget: uses 3 of the 8 resizes left in these 24 hours (AWS allows 10)

</details>
");
}

#[test]
fn held_things_and_several_plans_have_their_place() {
    insta::assert_snapshot!(plan(&[samples::foreign(), samples::unchanged()]), @r"
**Tidegate: 2 pipelines**: 0 to add, 0 to change, 0 to replace, 0 to destroy

### clickstream in account 123456789012, eu-west-1

no changes; 3 held · &#36;80.30 a month fixed, plus use (Kinesis data stream: ingest and retrieval by GB, PUT payload units)

**Held**: this plan leaves these alone

- <code>key/clicks</code> (not checked): kms:DescribeKey was denied for arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-4e5f; allow it to the role deployer. To do: mend the cause, then run the command again; nothing is done to what cannot be read
- <code>stream/audit</code> (not ours): audit exists and does not carry this pipeline's tags. To do: take it over with &#96;--adopt stream/audit&#96;, or choose another name
- <code>stream/clicks</code> (waiting): it needs key/clicks, which is held. To do: see key/clicks
- Not checked: roles below /tidegate/clickstream/: iam:ListRoles was denied; allow it to the role deployer

### clickstream in account 123456789012, eu-west-1

no changes · &#36;81.30 a month fixed, plus use (KMS key: requests; Kinesis data stream: ingest and retrieval by GB, PUT payload units)
");
}

#[test]
fn values_cannot_break_out() {
    let evil = "a|b`c</details><img src=x>@octocat\n\n# *x* #1 [l](u)";
    let text = plan(&[samples::huge(2, evil)]);
    assert_eq!(text.matches("</details>").count(), 2, "{text}");
    for hostile in ["<img", "@octocat", "|b", "`c", "\n# ", "*x*", "#1 ", "[l]"] {
        assert!(!text.contains(hostile), "{hostile:?} in {text}");
    }
}

#[test]
fn a_thousand_steps_are_cut_and_counted() {
    let text = plan(&[samples::huge(1_000, "clicks")]);
    assert!(text.len() < GITHUB && text.contains("more steps, see the job's log"), "{}", text.len());
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    let many = plan(&vec![samples::huge(100, "clicks"); 100]);
    assert!(many.len() < GITHUB && many.contains("more pipelines"), "{}", many.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_plan_is_too_long(steps in 0_usize..1_200, plans in 0_usize..30, text in r"(?s:.){0,400}") {
        let one = samples::huge(steps / plans.max(1), &text);
        let mut all = vec![one; plans];
        all.iter_mut().for_each(|plan| plan.scope.pipeline.clone_from(&text));
        prop_assert!(plan(&all).chars().count() < GITHUB);
    }
}
