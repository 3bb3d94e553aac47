//! The hyperbolic tangent, in one pass over what the processor holds.
//!
//! burn asks a library for it element by element, forwards and again backwards: of a small network's
//! training that was three fifths of all time. On other devices burn's own is used.

use crate::backend;
use burn::tensor::{Device, Tensor, activation};

/// The hyperbolic tangent of each element.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let device = x.device();
    if device != Device::flex() {
        return activation::tanh(x);
    }
    // The processor's numbers are at hand: nothing blocks.
    let Ok(data) = x.clone().inner().try_into_data() else {
        return activation::tanh(x);
    };
    let Ok(inputs) = data.as_slice::<f32>() else {
        return activation::tanh(x);
    };
    let shape = x.dims();
    let mut values = vec![0.0; inputs.len()];
    if !device.is_autodiff() {
        for (value, &x) in values.iter_mut().zip(inputs) {
            *value = approximate(x);
        }
        return backend::tensor(values, shape, &device);
    }
    // As `slope · x + rest` with constants: only the product is a step to go back through.
    let mut slopes = vec![0.0; inputs.len()];
    for ((rest, slope), &x) in values.iter_mut().zip(&mut slopes).zip(inputs) {
        let y = approximate(x);
        *slope = 1.0 - y * y;
        *rest = y - x * *slope;
    }
    x * backend::tensor(slopes, shape, &device) + backend::tensor(values, shape, &device)
}

/// Beyond this the tangent is within 3e-7 of 1.
const BOUND: f32 = 8.0;

/// Numerator over `x` and denominator by powers of `x²`: a minimax fit of the relative error up to `BOUND`.
const NUMERATOR: [f32; 5] = [
    0.999_999_99,
    0.134_445,
    0.003_571_601,
    2.189_471e-5,
    1.523_048_6e-8,
];
const DENOMINATOR: [f32; 5] = [
    1.0,
    0.467_778_28,
    0.026_164_454,
    0.000_341_129_7,
    8.522_474e-7,
];

/// Within 4e-7 of the tangent, relatively. Comparisons keep what is not a number.
#[inline(always)]
pub(super) fn approximate(x: f32) -> f32 {
    let x = if x > BOUND { BOUND } else { x };
    let x = if x < -BOUND { -BOUND } else { x };
    let square = x * x;
    let polynomial =
        |c: [f32; 5]| (((c[4] * square + c[3]) * square + c[2]) * square + c[1]) * square + c[0];
    x * polynomial(NUMERATOR) / polynomial(DENOMINATOR)
}

// What blocks to read a tensor back is not there in a browser.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    fn inputs() -> Vec<f32> {
        (-12_000..=12_000)
            .map(|step| step as f32 / 1000.0)
            .collect()
    }

    fn read(tensor: Tensor<1>) -> Vec<f32> {
        pollster::block_on(backend::read(tensor)).unwrap()
    }

    #[test]
    fn it_is_the_tangent_and_its_slope() {
        let inputs = inputs();
        let plain = Tensor::<1>::from_data(inputs.as_slice(), &Device::flex());
        let tracked =
            Tensor::<1>::from_data(inputs.as_slice(), &Device::flex().autodiff()).require_grad();
        let values = tanh(tracked.clone());
        let gradients = values.clone().sum().backward();
        let slopes = read(tracked.grad(&gradients).unwrap());
        let (values, bare) = (read(values.inner()), read(tanh(plain)));
        for (index, &x) in inputs.iter().enumerate() {
            let exact = f64::from(x).tanh();
            let off = |y: f32| (f64::from(y) - exact).abs();
            assert!(
                off(bare[index]) <= 4e-7 * exact.abs(),
                "tanh {x}: {}",
                bare[index]
            );
            assert!(off(values[index]) <= 6e-7, "tanh {x}: {}", values[index]);
            let slope = 1.0 - exact * exact;
            assert!(
                (f64::from(slopes[index]) - slope).abs() <= 1e-6,
                "slope at {x}"
            );
        }
    }

    #[test]
    fn far_out_it_is_one_and_what_is_no_number_stays_so() {
        let x = [f32::INFINITY, f32::NEG_INFINITY, 1e30, f32::NAN];
        let found = read(tanh(Tensor::<1>::from_data(x, &Device::flex())));
        assert!((found[0] - 1.0).abs() < 1e-6 && (found[1] + 1.0).abs() < 1e-6);
        assert!((found[2] - 1.0).abs() < 1e-6 && found[3].is_nan());
    }
}
