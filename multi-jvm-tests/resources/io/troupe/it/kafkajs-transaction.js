// Begins a transaction with kafkajs; ends with code 3 and the error when that is refused.
// Usage: node kafkajs-transaction.js <node_modules> <bootstrap>
const [modules, bootstrap] = process.argv.slice(2);
const { Kafka, logLevel } = require(modules + '/kafkajs');

(async () => {
  // Its default, a second, is little for a machine that now and then stands still.
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR, connectionTimeout: 60000 });
  const producer = kafka.producer({ transactionalId: 'kafkajs', idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    await producer.transaction();
  } catch (e) {
    console.error(e);
    process.exitCode = 3;
  }
  await producer.disconnect();
})();
