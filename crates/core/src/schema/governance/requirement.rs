//! A requirement: a bound on one figure, of all samples or a part of them, on all targets or one.

use super::RequiredFigure;
use crate::schema::{InputDisturbance, Sha256Hex};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A bound on a figure of every variant. Its canonical JSON is what a protocol's `gate_sha256` is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The figure.
    pub metric: RequiredFigure,
    /// Least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The class that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<RequiredClass>,
    /// The slice of the data that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<RequiredSlice>,
    /// The disturbance of the inputs; every one that was tried without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbance: Option<InputDisturbance>,
    /// Its strength; every one that was tried without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<f64>,
    /// The target; every one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Samples of an inference; every measured number without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Threads; every measured number without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Concurrent inferences; every measured number without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<usize>,
}

/// The bound of a requirement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RequiredBound {
    /// Least value.
    AtLeast(f64),
    /// Largest value.
    AtMost(f64),
}

impl RequiredBound {
    /// The number.
    pub fn value(self) -> f64 {
        match self {
            RequiredBound::AtLeast(value) | RequiredBound::AtMost(value) => value,
        }
    }
}

impl fmt::Display for RequiredBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequiredBound::AtLeast(value) => write!(f, "≥ {value}"),
            RequiredBound::AtMost(value) => write!(f, "≤ {value}"),
        }
    }
}

impl Requirement {
    /// A requirement on all samples and targets.
    pub fn new(metric: RequiredFigure, bound: RequiredBound) -> Requirement {
        let (min, max) = match bound {
            RequiredBound::AtLeast(value) => (Some(value), None),
            RequiredBound::AtMost(value) => (None, Some(value)),
        };
        Requirement {
            metric,
            min,
            max,
            class: None,
            slice: None,
            disturbance: None,
            strength: None,
            target: None,
            batch: None,
            threads: None,
            streams: None,
        }
    }

    /// The hash of requirements: of their canonical JSON.
    pub fn digest(all: &[Requirement]) -> Sha256Hex {
        Sha256Hex::of_json(&serde_json::json!(all))
    }

    /// Its bound; `None` of one that has neither `min` nor `max`, which no study can bring about.
    pub fn bound(&self) -> Option<RequiredBound> {
        self.max.map(RequiredBound::AtMost).or(self.min.map(RequiredBound::AtLeast))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.metric)?;
        if let Some(bound) = self.bound() {
            write!(f, " {bound}")?;
        }
        let parts = [
            self.class.map(|class| format!("of {class}")),
            self.slice.as_ref().map(|slice| format!("of slice {slice}")),
            self.disturbance.map(|how| match self.strength {
                Some(strength) => format!("with {how} {strength}"),
                None => format!("with {how}"),
            }),
            self.target.as_ref().map(|target| format!("on {target}")),
            self.batch.map(|batch| format!("at batch {batch}")),
            self.threads.map(|threads| format!("with {threads} threads")),
            self.streams.map(|streams| format!("with {streams} streams")),
        ];
        parts.iter().flatten().try_for_each(|part| write!(f, " {part}"))
    }
}

/// A class, or every class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ClassWord", into = "ClassWord")]
pub enum RequiredClass {
    /// Each class by itself.
    Every,
    /// One class.
    One(i64),
}

/// A class as files have it: its number, or `"every"`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a class is a number, or \"every\"")]
enum ClassWord {
    Number(i64),
    Word(String),
}

impl TryFrom<ClassWord> for RequiredClass {
    type Error = String;

    fn try_from(typed: ClassWord) -> Result<Self, String> {
        match typed {
            ClassWord::Number(class) => Ok(RequiredClass::One(class)),
            ClassWord::Word(word) if word == "every" => Ok(RequiredClass::Every),
            ClassWord::Word(word) => {
                Err(format!("class `{word}` is neither a number nor \"every\""))
            }
        }
    }
}

impl From<RequiredClass> for ClassWord {
    fn from(class: RequiredClass) -> ClassWord {
        match class {
            RequiredClass::Every => ClassWord::Word("every".into()),
            RequiredClass::One(class) => ClassWord::Number(class),
        }
    }
}

impl fmt::Display for RequiredClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequiredClass::Every => f.write_str("every class"),
            RequiredClass::One(class) => write!(f, "class {class}"),
        }
    }
}

/// A slice, or every slice of a column: `COLUMN = VALUE`, `COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RequiredSlice {
    /// The column.
    pub column: String,
    /// The value; every one without it.
    pub value: Option<String>,
}

impl FromStr for RequiredSlice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((column, value)) => RequiredSlice {
                column: column.trim().to_string(),
                value: Some(value.trim().to_string()),
            },
            None => RequiredSlice { column: text.trim().to_string(), value: None },
        })
    }
}

impl From<String> for RequiredSlice {
    fn from(text: String) -> RequiredSlice {
        match text.parse() {
            Ok(slice) => slice,
        }
    }
}

impl From<RequiredSlice> for String {
    fn from(slice: RequiredSlice) -> String {
        slice.to_string()
    }
}

impl fmt::Display for RequiredSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}", self.column),
            None => f.write_str(&self.column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Metric;

    #[test]
    fn canonical_json_is_frozen() {
        let drop = RequiredFigure::QualityLoss(Metric::Accuracy);
        let one = Requirement {
            class: Some(RequiredClass::One(3)),
            ..Requirement::new(drop, RequiredBound::AtMost(0.01))
        };
        let two = Requirement {
            target: Some("pi4".into()),
            slice: Some(RequiredSlice { column: "a".into(), value: Some("2".into()) }),
            ..Requirement::new(RequiredFigure::LatencyP50, RequiredBound::AtLeast(1.0))
        };
        let all = serde_json::json!([one, two]);
        let expected = r#"[{"class":3,"max":0.01,"metric":"accuracy_drop"},{"metric":"latency_p50_ms","min":1.0,"slice":"a = 2","target":"pi4"}]"#;
        assert_eq!(all.to_string(), expected);
        let back: Vec<Requirement> = serde_json::from_value(all).unwrap();
        assert_eq!(back, [one.clone(), two]);
        assert_eq!(one.to_string(), "accuracy_drop ≤ 0.01 of class 3");
        // Of no requirement: the hash of `[]`.
        let none = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";
        assert_eq!(Requirement::digest(&[]).as_str(), none);
    }
}
