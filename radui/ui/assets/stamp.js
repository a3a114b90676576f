// A text chunk for a PNG that the browser encoded: canvas writes none.
(() => {
  const radui = (window.radui = window.radui || {});
  const HEAD = 8 + 25; // the signature, and IHDR with its length and sum

  const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    return value;
  });

  const crc = (bytes) => ~bytes.reduce((sum, byte) => TABLE[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;

  function chunk(kind, text) {
    const body = Uint8Array.from(kind + text, (letter) => letter.charCodeAt(0));
    const bytes = new Uint8Array(body.length + 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, text.length);
    bytes.set(body, 4);
    view.setUint32(body.length + 4, crc(body));
    return bytes;
  }

  // keyword and text in Latin-1.
  radui.stamp = async (blob, keyword, text) =>
    new Blob([blob.slice(0, HEAD), chunk("tEXt", `${keyword}\0${text}`), blob.slice(HEAD)], { type: blob.type });
})();
