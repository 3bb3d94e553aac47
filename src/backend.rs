//! Where tensors live, and how their numbers come back.
//!
//! Readbacks are awaited, because blocking ones panic on WebGPU in a browser.

use crate::error::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::{future::Future, pin::Pin};

/// A future of the session's single thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Where tensors live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum DeviceName {
    /// The processor, with SIMD.
    #[default]
    Cpu,
    /// The graphics card, through WebGPU.
    Webgpu,
}

/// The devices that this build can use.
pub fn devices() -> Vec<DeviceName> {
    if cfg!(feature = "webgpu") {
        vec![DeviceName::Cpu, DeviceName::Webgpu]
    } else {
        vec![DeviceName::Cpu]
    }
}

/// The device called `name`. Errors: `Error::Device` when this build or machine lacks it.
pub async fn open(name: DeviceName) -> Result<Device> {
    match name {
        DeviceName::Cpu => Ok(Device::flex()),
        DeviceName::Webgpu => open_webgpu().await,
    }
}

#[cfg(feature = "webgpu")]
async fn open_webgpu() -> Result<Device> {
    use burn::tensor::wgpu::WgpuBackend;
    Device::wgpu_options()
        .graphics_api(WgpuBackend::WebGpu)
        .init_async()
        .await
        .map_err(|why| Error::Device {
            why: format!("{why:?}; the CPU is always there"),
        })
}

#[cfg(not(feature = "webgpu"))]
async fn open_webgpu() -> Result<Device> {
    Err(Error::Device {
        why: "this build has no WebGPU; build it with --features webgpu, or use the CPU".into(),
    })
}

/// Both futures' results: at once on two threads natively, one after the other in a tab.
#[cfg(not(target_arch = "wasm32"))]
pub async fn join<A: Send, B>(
    one: impl Future<Output = A> + Send,
    other: impl Future<Output = B>,
) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(|| pollster::block_on(one));
        let other = pollster::block_on(other);
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Both futures' results: at once on two threads natively, one after the other in a tab.
#[cfg(target_arch = "wasm32")]
pub async fn join<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    (one.await, other.await)
}

/// A tensor of `data` with `shape` on `device`.
pub fn tensor<const D: usize>(data: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(data, shape), device)
}

/// The numbers of a tensor, row-major.
pub async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|why| Error::Device {
            why: format!("reading back failed: {why:?}"),
        })?;
    data.try_into_vec().map_err(|why| Error::Device {
        why: format!("unexpected data: {why:?}"),
    })
}
