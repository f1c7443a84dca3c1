/** Writes an ONNX model in protobuf's wire format. Field numbers are those of onnx.proto3. */
import { PbfWriter } from 'pbf';
import type { Tensor } from '../core/tensor.ts';
import { ONNX_TYPES, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxValueInfo, OPSET } from './model.ts';

const IR_VERSION = 8;
const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

function writeAttribute([name, value]: readonly [string, OnnxAttribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  const type = (kind: keyof typeof ATTRIBUTE): void => pbf.writeVarintField(20, ATTRIBUTE[kind]);
  if (typeof value === 'number') {
    pbf.writeVarintField(3, value);
    type('int');
  } else if (typeof value === 'string') {
    pbf.writeStringField(4, value);
    type('string');
  } else if ('float' in value) {
    pbf.writeFloatField(2, value.float);
    type('float');
  } else if ('floats' in value) {
    for (const item of value.floats) pbf.writeFloatField(7, item);
    type('floats');
  } else {
    for (const item of value) pbf.writeVarintField(8, item);
    type('ints');
  }
}

function writeNode(node: OnnxNode, pbf: PbfWriter): void {
  for (const input of node.inputs) pbf.writeStringField(1, input);
  for (const output of node.outputs) pbf.writeStringField(2, output);
  pbf.writeStringField(3, node.name);
  pbf.writeStringField(4, node.op);
  for (const attribute of Object.entries(node.attributes)) pbf.writeMessage(5, writeAttribute, attribute);
  if (node.domain !== undefined) pbf.writeStringField(7, node.domain);
}

function writeDimension(size: number | string, pbf: PbfWriter): void {
  if (typeof size === 'number') pbf.writeVarintField(1, size);
  else pbf.writeStringField(2, size);
}

function writeValueInfo(info: OnnxValueInfo, pbf: PbfWriter): void {
  pbf.writeStringField(1, info.name);
  pbf.writeMessage(2, writeType, info);
}

function writeType(info: OnnxValueInfo, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, info);
}

function writeTensorType(info: OnnxValueInfo, pbf: PbfWriter): void {
  pbf.writeVarintField(1, ONNX_TYPES[info.dataType]);
  pbf.writeMessage(2, writeShape, info.shape);
}

function writeShape(shape: OnnxValueInfo['shape'], pbf: PbfWriter): void {
  for (const size of shape) pbf.writeMessage(1, writeDimension, size);
}

function writeTensor(content: Tensor & { readonly name: string }, pbf: PbfWriter): void {
  for (const size of content.shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, ONNX_TYPES[content.dataType]);
  pbf.writeStringField(8, content.name);
  const { buffer, byteOffset, byteLength } = content.data;
  pbf.writeBytesField(9, new Uint8Array(buffer, byteOffset, byteLength));
}

function writeOperatorSet([domain, version]: readonly [string, number], pbf: PbfWriter): void {
  pbf.writeStringField(1, domain);
  pbf.writeVarintField(2, version);
}

function writeMetadata([key, value]: readonly [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}

function writeGraph(model: OnnxModel, pbf: PbfWriter): void {
  for (const node of model.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, 'voxstill');
  for (const content of model.initializers) pbf.writeMessage(5, writeTensor, content);
  for (const info of model.inputs) pbf.writeMessage(11, writeValueInfo, info);
  for (const info of model.outputs) pbf.writeMessage(12, writeValueInfo, info);
}

/** The model as the bytes of an .onnx file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, IR_VERSION);
  pbf.writeStringField(2, 'voxstill');
  pbf.writeMessage(7, writeGraph, model);
  const domains = new Set(model.nodes.map(node => node.domain ?? ''));
  for (const domain of domains.add(''))
    pbf.writeMessage(8, writeOperatorSet, [domain, domain === '' ? OPSET : 1] as const);
  for (const entry of Object.entries(model.metadata)) pbf.writeMessage(14, writeMetadata, entry);
  return pbf.finish();
}
