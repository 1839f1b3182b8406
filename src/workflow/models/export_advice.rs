//! Advice on exporting scikit-learn models, where a message is about an operator of theirs.

/// Operators of skl2onnx that standard operators can stand for.
const REPLACEABLE: [&str; 4] = ["Scaler", "LinearClassifier", "LinearRegressor", "Normalizer"];
/// Operators that nothing stands for.
const FINAL: [&str; 2] = ["SVMClassifier", "SVMRegressor"];

/// Advice on another export, by a message about an operator that the engine does not implement.
pub fn export_advice(message: &str) -> Option<String> {
    let about = |operator: &str| {
        message.contains(&format!("does not implement operator {operator} "))
            || message.contains(&format!("Unimplemented({operator})"))
    };
    if about("ZipMap") {
        return Some(
            "export without ZipMap: `to_onnx(model, X, options={id(model): {'zipmap': False}})`"
                .into(),
        );
    }
    if REPLACEABLE.iter().any(|operator| about(operator)) {
        return Some(
            "export with standard operators: `to_onnx(model, X, options={id(model): {'zipmap': False}}, black_op={'Scaler', 'LinearClassifier', 'LinearRegressor', 'Normalizer'})`".into(),
        );
    }
    let last = FINAL.iter().find(|operator| about(operator))?;
    Some(format!(
        "no option of skl2onnx replaces {last}; a linear model, a forest or a multilayer perceptron can be exported"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_scikit_learn_have_an_option_that_helps() {
        let of = |message: &str| export_advice(message).unwrap_or_default();
        let zip = of("m.onnx: the engine does not implement operator ZipMap (node `ZipMap`)");
        assert!(zip.contains("'zipmap': False"), "{zip}");
        let scaler = of("m.onnx: the engine does not implement operator Scaler (node `Scaler`)");
        assert!(scaler.contains("black_op={'Scaler'"), "{scaler}");
        let svm = of("Failed analyse for node #1 \"SVMc\" Unimplemented(SVMClassifier): …");
        assert!(svm.starts_with("no option of skl2onnx replaces SVMClassifier"), "{svm}");
        assert_eq!(export_advice("no model at nowhere"), None);
    }
}
