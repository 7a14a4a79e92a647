// A member of a group: prints the values that come to it, one a line, until it is told to end (SIGTERM), and then leaves.
// Usage: node kafkajs-member.js <node_modules> <bootstrap> <topic> <group>
const [modules, bootstrap, topic, group] = process.argv.slice(2);
const { Kafka, PartitionAssigners, logLevel } = require(modules + '/kafkajs');

// kafkajs gives its assignor a name of its own; members of one group must name one that all of them have.
const roundRobin = (config) => ({ ...PartitionAssigners.roundRobin(config), name: 'roundrobin' });

(async () => {
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR, connectionTimeout: 60000 });
  const consumer = kafka.consumer({
    groupId: group,
    partitionAssigners: [roundRobin],
    heartbeatInterval: 500,
    sessionTimeout: 45000,
    rebalanceTimeout: 60000,
  });
  consumer.on(consumer.events.CRASH, (e) => {
    if (!e.payload.restart) process.exit(1);
  });
  process.on('SIGTERM', async () => {
    await consumer.disconnect();
    process.exit(0);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => console.log(message.value.toString('latin1')) });
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
