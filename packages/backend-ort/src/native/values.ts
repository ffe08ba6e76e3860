import {
  byteLength,
  elementCount,
  type NumericData,
  ONNX_TYPES,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import koffi from 'koffi'
import { type OrtApi, type Pointer, resultOf } from './api.js'
import { fillStrings, readStrings } from './strings.js'
import { typeAndShape } from './type-info.js'

/** `OrtDeviceAllocator` and `OrtMemTypeDefault` of onnxruntime_c_api.h: plain memory of the CPU. */
const DEVICE_ALLOCATOR = 0
const DEFAULT_MEMORY = 0

// An empty array has no address, and ONNX Runtime wants one.
const nowhere = new BigUint64Array(new SharedArrayBuffer(8))
const shape = new BigInt64Array(new SharedArrayBuffer(8 * 8))

/** Turns tensors to `OrtValue`s and back, on one thread. */
export class Values {
  private readonly memory: Pointer
  /** Owned by ONNX Runtime. */
  private readonly allocator: Pointer

  constructor(private readonly api: OrtApi) {
    this.memory = resultOf(api.CreateCpuMemoryInfo, DEVICE_ALLOCATOR, DEFAULT_MEMORY)
    this.allocator = resultOf(api.GetAllocatorWithDefaultOptions)
  }

  /** An `OrtValue` over the memory of `tensor`, without a copy. The caller releases it, and keeps the tensor until then. */
  wrap(tensor: Tensor): Pointer {
    const data = tensor.data as NumericData
    const place = data.length === 0 ? nowhere : asBytes(data)
    const rank = setShape(tensor.shape)
    const type = ONNX_TYPES[tensor.dataType]
    return resultOf(
      this.api.CreateTensorWithDataAsOrtValue,
      this.memory,
      place,
      data.byteLength,
      shape,
      rank,
      type,
    )
  }

  /** An `OrtValue` with copies of the strings of `tensor`. The caller releases it. */
  copyStrings(tensor: Tensor): { value: Pointer; bytesCopied: number } {
    const rank = setShape(tensor.shape)
    const type = ONNX_TYPES.string
    const value = resultOf(this.api.CreateTensorAsOrtValue, this.allocator, shape, rank, type)
    try {
      return { value, bytesCopied: fillStrings(this.api, value, tensor.data as string[]) }
    } catch (error) {
      this.api.ReleaseValue(value)
      throw error
    }
  }

  /** A tensor with a copy of an `OrtValue` that ONNX Runtime allocated, on a new SharedArrayBuffer. */
  read(value: Pointer, name: string): { tensor: Tensor; bytesCopied: number } {
    const info = resultOf(this.api.GetTensorTypeAndShape, value)
    try {
      const { dataType, shape } = typeAndShape(this.api, info, `output ${name}`)
      const count = elementCount(shape) ?? 0
      if (dataType === 'string') {
        const { strings, bytesCopied } = readStrings(this.api, value, count)
        return { tensor: { dataType, shape, data: strings }, bytesCopied }
      }
      const bytesCopied = byteLength(dataType, shape) ?? 0
      const copy = new Uint8Array(new SharedArrayBuffer(bytesCopied))
      if (bytesCopied > 0) {
        copy.set(new Uint8Array(koffi.view(resultOf(this.api.GetTensorMutableData, value), bytesCopied)))
      }
      return { tensor: { dataType, shape, data: viewData(dataType, copy.buffer, 0, count) }, bytesCopied }
    } finally {
      this.api.ReleaseTensorTypeAndShapeInfo(info)
    }
  }

  close(): void {
    this.api.ReleaseMemoryInfo(this.memory)
  }
}

/** Fills `shape` and returns the rank. */
function setShape(dimensions: readonly number[]): number {
  for (let i = 0; i < dimensions.length; i++) shape[i] = BigInt(dimensions[i] as number)
  return dimensions.length
}

/** koffi does not know Float16Array. */
function asBytes(data: NumericData): NumericData {
  return data.constructor.name === 'Float16Array'
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : data
}
