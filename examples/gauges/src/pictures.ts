import sharp from 'sharp'

const SIZE = 480
const CENTRE = SIZE / 2
const REACH = 180

/** A dial with a red needle as JPEG; `degrees` clockwise from the top. */
export function drawGauge(degrees: number): Promise<Buffer> {
  const marks = Array.from({ length: 12 }, (_, i) => mark(i * 30)).join('')
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}">
    <rect width="100%" height="100%" fill="#8a939b"/>
    <circle cx="${CENTRE}" cy="${CENTRE}" r="${REACH + 40}" fill="#f4f2ea" stroke="#333" stroke-width="10"/>
    ${marks}
    <g transform="rotate(${degrees} ${CENTRE} ${CENTRE})">
      <path d="M${CENTRE - 9} ${CENTRE} L${CENTRE} ${CENTRE - REACH} L${CENTRE + 9} ${CENTRE} Z" fill="#d2141e"/>
    </g>
    <circle cx="${CENTRE}" cy="${CENTRE}" r="20" fill="#333"/>
  </svg>`
  return sharp(Buffer.from(svg)).flatten().jpeg({ quality: 92 }).toBuffer()
}

function mark(degrees: number): string {
  const turn = `rotate(${degrees} ${CENTRE} ${CENTRE})`
  return `<rect x="${CENTRE - 3}" y="${CENTRE - REACH - 20}" width="6" height="24" fill="#333" transform="${turn}"/>`
}
