//! Rules drawn at random, and children of the good ones.

use super::dice::Dice;
use tidegate::scale::{FLOORS, Rule, SUSTAINED, WINDOWS};

pub fn random(dice: &mut Dice) -> Rule {
    let grow_to = dice.between(0.35, 1.15);
    let rule = Rule {
        grow_above: (grow_to * dice.between(1.0, 1.7)).min(1.6),
        grow_to,
        foresee: dice.pick(&[0.0, 0.0, 3.0, 6.0, 10.0]),
        sustained: dice.pick(&[0, 0, 0, 1, 2, 3]),
        window: dice.below(WINDOWS.len()),
        shrink_to: grow_to * dice.between(0.8, 1.3),
        saving: dice.between(0.03, 0.4),
        scarcity: dice.between(0.0, 0.8),
        floor: if dice.chance(0.5) { 0 } else { 1 + dice.below(FLOORS) },
        floor_to: dice.between(0.5, 1.3),
    };
    throw_for_the_time_of_day(dice);
    rule.rounded()
}

/// Rules had one more number once. Its throws stay, so that the rules of the first generation are those that were elected from before.
fn throw_for_the_time_of_day(dice: &mut Dice) {
    if !dice.chance(0.7) {
        dice.unit();
    }
}

/// Each number may change, most by a little.
pub fn child(dice: &mut Dice, of: &Rule) -> Rule {
    let (mut rule, other) = (*of, random(dice));
    let nudge = |value: &mut f64, dice: &mut Dice| {
        if dice.chance(0.3) {
            *value *= dice.between(0.85, 1.18);
        }
    };
    nudge(&mut rule.grow_to, dice);
    nudge(&mut rule.grow_above, dice);
    nudge(&mut rule.shrink_to, dice);
    if dice.chance(0.3) {
        rule.foresee = other.foresee;
    }
    if dice.chance(0.3) {
        rule.sustained = other.sustained.min(SUSTAINED.len() - 1);
    }
    if dice.chance(0.3) {
        let step = if dice.chance(0.5) { rule.window + 1 } else { rule.window.saturating_sub(1) };
        rule.window = step.min(WINDOWS.len() - 1);
    }
    if dice.chance(0.3) {
        rule.saving = other.saving;
    }
    if dice.chance(0.3) {
        rule.scarcity = other.scarcity;
    }
    if dice.chance(0.3) {
        (rule.floor, rule.floor_to) = (other.floor, other.floor_to);
    }
    // Whether it changes: see above.
    dice.chance(0.3);
    rule.grow_above = rule.grow_above.max(rule.grow_to);
    rule.rounded()
}

trait Rounded {
    fn rounded(self) -> Self;
}

impl Rounded for Rule {
    /// To what the table prints, so that the rule that is judged is the rule that is used.
    fn rounded(self) -> Self {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        Rule {
            grow_above: round(self.grow_above),
            grow_to: round(self.grow_to),
            foresee: round(self.foresee),
            shrink_to: round(self.shrink_to),
            saving: round(self.saving),
            scarcity: round(self.scarcity),
            floor_to: round(self.floor_to),
            ..self
        }
    }
}
