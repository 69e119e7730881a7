// The guest side of Penstock's plugin contract. A plugin's entry file exports its hooks
// and passes on the two exports that every module has:
//
//   export { penstock_abi_version, penstock_alloc } from "penstock";
export * from "./host";
export * from "./call";
export * from "./json";
export * from "./flat";
