/** Text as it is stored and sent, and its size there. */

// Half an emoji, as a careless slice() leaves it, is no valid text: the server would refuse the whole batch.
export const encode = value => JSON.stringify(value)
  .replace(/\\(ud[89a-f]..|.)/g, (escape, rest) => rest.length > 1 ? '\ufffd' : escape);

export const bytesOf = text => new TextEncoder().encode(text).length;
