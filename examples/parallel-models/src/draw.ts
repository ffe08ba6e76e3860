import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Detection } from './detections.js'
import { openPicture } from './picture.js'

/** What one model found, and the colour to draw it in. */
export interface Layer {
  readonly detections: readonly Detection[]
  readonly colour: string
}

/** Writes a copy of the picture with boxes. The end of the file's name chooses the format. */
export async function drawDetections(picture: string, layers: readonly Layer[], out: string): Promise<void> {
  const { width, height } = (await openPicture(picture).metadata()).autoOrient
  const unit = Math.max(width, height) / 640
  const figures = layers.flatMap(({ detections, colour }) =>
    detections.map((detection) => figure(detection, colour, width, height, unit)),
  )
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${figures.join('')}</svg>`
  await mkdir(dirname(out), { recursive: true })
  await openPicture(picture)
    .composite([{ input: Buffer.from(overlay) }])
    .toFile(out)
}

function figure(
  { label, score, box: [x1, y1, x2, y2] }: Detection,
  colour: string,
  width: number,
  height: number,
  unit: number,
): string {
  const [left, top] = [x1 * width, y1 * height]
  const [boxWidth, boxHeight] = [(x2 - x1) * width, (y2 - y1) * height]
  const frame = `x="${left}" y="${top}" width="${boxWidth}" height="${boxHeight}" rx="${2 * unit}" fill="none"`
  const text = `${label} ${score.toFixed(2)}`
  const size = 12 * unit
  const tab = { width: (text.length * 0.6 + 0.8) * size, height: size * 1.4 }
  const tabX = Math.min(Math.max(0, left - unit), width - tab.width)
  const tabY = top > tab.height ? top - tab.height : top
  return (
    `<rect ${frame} stroke="#000" stroke-opacity="0.6" stroke-width="${4 * unit}"/>` +
    `<rect ${frame} stroke="${colour}" stroke-width="${2.5 * unit}"/>` +
    `<rect x="${tabX}" y="${tabY}" width="${tab.width}" height="${tab.height}" rx="${2 * unit}" fill="${colour}"/>` +
    `<text x="${tabX + 0.4 * size}" y="${tabY + size * 1.05}" font-family="DejaVu Sans Mono, monospace" font-size="${size}">${escapeXml(text)}</text>`
  )
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
