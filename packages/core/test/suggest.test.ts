import { expect, it } from 'vitest'
import { suggest } from '../src/suggest.ts'

it.each([
  ['bufferCont', 'bufferCount'],
  ['MAXLOAD', 'maxLoad'],
  ['Priorty', 'priority'],
])('takes %s for %s', (word, meant) => {
  expect(suggest(word, ['maxLoad', 'bufferCount', 'priority'])).toBe(`did you mean '${meant}'?`)
})

it('prefers the closest word', () => {
  expect(suggest('image1', ['image2', 'image1s', 'image'])).toBe("did you mean 'image2'?")
})

it('lists what there is when nothing is close', () => {
  expect(suggest('banana', ['maxLoad', 'timeout'])).toBe("there are 'maxLoad', 'timeout'")
  expect(suggest('banana', [])).toBe('there are none')
})
