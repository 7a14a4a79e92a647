// Prints the values of a topic's first records, one a line, with kafkajs.
// Usage: node kafkajs-consumer.js <node_modules> <bootstrap> <topic> <codec> <count>
const [modules, bootstrap, topic, codec, count] = process.argv.slice(2);
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require(modules + '/kafkajs');

async function addCodec() {
  const compress = async () => {
    throw new Error('this only reads');
  };
  if (codec === 'snappy') {
    CompressionCodecs[CompressionTypes.Snappy] = require(modules + '/kafkajs-snappy');
  } else if (codec === 'lz4') {
    const lz4 = require(modules + '/lz4-napi');
    CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress, decompress: (buffer) => lz4.decompressFrame(buffer) });
  } else if (codec === 'zstd') {
    const zstd = require(modules + '/@bokuweb/zstd-wasm');
    await zstd.init();
    const decompress = async (buffer) => Buffer.from(zstd.decompress(buffer));
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({ compress, decompress });
  }
}

(async () => {
  await addCodec();
  // Its default, a second, is little for a machine that now and then stands still.
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR, connectionTimeout: 60000 });
  const consumer = kafka.consumer({ groupId: 'kafkajs-' + topic });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const lines = [];
  await new Promise((resolve, reject) => {
    // It starts again by itself after a coordinator that is still loading, say.
    consumer.on(consumer.events.CRASH, (e) => e.payload.restart || reject(e.payload.error));
    consumer.run({
      eachMessage: async ({ message }) => {
        lines.push(message.value === null ? 'null' : message.value.toString('latin1'));
        if (lines.length >= Number(count)) resolve();
      },
    });
  });
  console.log(lines.join('\n'));
  await consumer.disconnect();
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
