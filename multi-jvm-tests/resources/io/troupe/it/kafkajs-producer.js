// Sends every line of a file to a topic with kafkajs, in order, one partition picked by key.
// Usage: node kafkajs-producer.js <node_modules> <bootstrap> <topic> <codec> <file>
const fs = require('fs');
const [modules, bootstrap, topic, codec, file] = process.argv.slice(2);
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require(modules + '/kafkajs');

const types = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};
if (!(codec in types)) throw new Error('no codec ' + codec);

// kafkajs brings gzip; the others are codecs that its user adds, here over packages that need no compiler.
async function addCodec() {
  const decompress = async () => {
    throw new Error('this only writes');
  };
  if (codec === 'snappy') {
    CompressionCodecs[CompressionTypes.Snappy] = require(modules + '/kafkajs-snappy');
  } else if (codec === 'lz4') {
    const lz4 = require(modules + '/lz4-napi');
    const compress = async (encoder) => lz4.compressFrame(encoder.buffer);
    CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress, decompress });
  } else if (codec === 'zstd') {
    const zstd = require(modules + '/@bokuweb/zstd-wasm');
    await zstd.init();
    const compress = async (encoder) => Buffer.from(zstd.compress(encoder.buffer));
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({ compress, decompress });
  }
}

(async () => {
  await addCodec();
  // A broker that starts again may need longer than the default of five tries.
  const retry = { initialRetryTime: 200, maxRetryTime: 2000, retries: 200 };
  // The default, a second, is little for a machine that now and then stands still.
  const connectionTimeout = 60000;
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR, retry, connectionTimeout });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, retry });
  await producer.connect();
  // latin1 keeps every byte as one character; Buffer.from brings the same bytes back.
  const lines = fs.readFileSync(file, 'latin1').split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  for (let from = 0; from < lines.length; from += 1000) {
    await producer.send({
      topic,
      acks: -1,
      compression: types[codec],
      messages: lines.slice(from, from + 1000).map((line, i) => ({
        key: 'k' + ((from + i) % 97),
        value: Buffer.from(line, 'latin1'),
      })),
    });
  }
  await producer.disconnect();
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
