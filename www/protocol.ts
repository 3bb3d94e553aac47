// The words of src/session/protocol.rs, generated with the bundle.
export type * from './public/pkg/cpu/glassbox';
