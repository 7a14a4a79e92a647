package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.util.AbstractList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** How the Kafka port starts and stops, whom it lets in, and that the end of one of its threads is told. */
@Timeout(600)
class ServerLifeTest extends OnKafkaPort {
    /** A broker that goes on without one of its threads looks alive and is not. */
    @Test
    void aNetworkThreadThatDiesIsTold() throws Exception {
        ToyHandler<ListGroupsRequestData> broken = ToyHandler.of(ApiKeys.LIST_GROUPS, (context, request) -> {
            throw new AssertionError("of a test");
        });
        try (TestServer server = new TestServer(broken);
                RawClient client = new RawClient(server.port())) {
            client.send(ApiKeys.LIST_GROUPS, 0, 5, new ListGroupsRequestData());
            String death = server.deaths.poll(30, TimeUnit.SECONDS);
            assertNotNull(death, "nobody was told");
            assertTrue(death.contains("network thread kafka-network-PLAINTEXT-0 has ended"), death);
            assertTrue(client.closedByServer());
        }
    }

    @Test
    void anAcceptorThatDiesIsToldAndOneThatIsStoppedIsNot() throws Exception {
        LinkedBlockingQueue<String> deaths = new LinkedBlockingQueue<>();
        List<EventLoop> broken = new AbstractList<>() {
            @Override
            public EventLoop get(int index) {
                throw new NoClassDefFoundError("of a test");
            }

            @Override
            public int size() {
                return 1;
            }
        };
        for (boolean connect : new boolean[] {false, true}) {
            Acceptor acceptor = new Acceptor(
                    TestServer.listener(0),
                    TestServer.config(100, 1 << 20),
                    broken,
                    new ConnectionLimits(100, 100),
                    new NetworkStats(),
                    new RateLimitedLog(LoggerFactory.getLogger(ServerLifeTest.class)),
                    deaths::add);
            acceptor.start();
            if (connect) {
                new Socket("127.0.0.1", acceptor.port()).close();
                assertNotNull(deaths.poll(30, TimeUnit.SECONDS), "nobody was told");
            }
            acceptor.stop();
            acceptor.join(10_000);
            assertTrue(deaths.isEmpty(), deaths::toString);
        }
    }

    @Test
    void moreConnectionsFromOneAddressThanAllowedAreClosed() throws Exception {
        try (TestServer server = new TestServer(TestServer.config(2, 1 << 20), ping);
                RawClient one = new RawClient(server.port())) {
            turns(one);
            try (RawClient two = new RawClient(server.port());
                    RawClient three = new RawClient(server.port())) {
                turns(two);
                assertTrue(three.closedByServer());
            }
            await(() -> server.stats.connections() == 1);
            try (RawClient four = new RawClient(server.port())) {
                turns(four);
            }
            assertEquals(1, server.stats.connectionsRefused());
        }
    }

    @Test
    void aPortThatIsTakenStopsTheStartAndNamesListenerAndAddress() throws Exception {
        try (TestServer server = new TestServer(ping)) {
            KafkaServer second = new KafkaServer(
                    List.of(TestServer.listener("FREE", 0), TestServer.listener("TAKEN", server.port())),
                    TestServer.config(100, 1 << 20),
                    Map.of(),
                    new ApiDispatcher(List.of(ping)),
                    new NetworkStats(),
                    death -> {});
            IOException refused = assertThrows(IOException.class, second::start);
            assertTrue(refused.getMessage().contains("TAKEN"), refused.getMessage());
            assertTrue(refused.getMessage().contains("127.0.0.1:" + server.port()), refused.getMessage());
        }
    }

    @Test
    void stoppingClosesEveryConnectionAndFreesThePort() throws Exception {
        TestServer server = new TestServer(ping);
        int port = server.port();
        try (RawClient client = new RawClient(port)) {
            turns(client);
            server.close();
            assertTrue(client.closedByServer());
            assertThrows(IOException.class, () -> new RawClient(port).close());
        }
    }
}
