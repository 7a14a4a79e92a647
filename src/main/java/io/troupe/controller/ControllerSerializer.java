package io.troupe.controller;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import java.io.NotSerializableException;
import java.util.Optional;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * The bytes of every {@link RemoteMessage}: a short manifest names the message, its fields follow in the encoding of
 * {@link io.troupe.metadata.MetadataCodec}. Bytes that do not fit are a {@link NotSerializableException}: the message is dropped.
 */
public final class ControllerSerializer extends SerializerWithStringManifest {
    private static final int IDENTIFIER = 7301;

    private final ActorRefResolver refs;

    public ControllerSerializer(ExtendedActorSystem system) {
        refs = ActorRefResolver.get(Adapter.toTyped(system));
    }

    @Override
    public int identifier() {
        return IDENTIFIER;
    }

    @Override
    public String manifest(Object message) {
        if (message instanceof Controller.Execute) {
            return "E";
        } else if (message instanceof Controller.Answer) {
            return "A";
        } else if (message instanceof Controller.Follow) {
            return "F";
        } else if (message instanceof MetadataVoter.Ask) {
            return "Q";
        } else if (message instanceof Quorum.Reply) {
            return "R";
        } else if (message instanceof Publication) {
            return "P";
        } else if (message instanceof ClusterFormation.Probe) {
            return "CP";
        } else if (message instanceof ClusterFormation.Present) {
            return "CR";
        } else if (message instanceof ClusterFormation.Gone) {
            return "CG";
        }
        throw new IllegalArgumentException("no message of the controller: " + message.getClass());
    }

    @Override
    public byte[] toBinary(Object message) {
        FieldWriter w = new FieldWriter();
        if (message instanceof Controller.Execute m) {
            w.putString(m.commandId());
            CommandCodec.putCommand(w, m.command());
            putRef(w, m.replyTo());
        } else if (message instanceof Controller.Answer m) {
            w.putString(m.commandId()).putLong(m.index());
            CommandCodec.putReply(w, m.reply());
        } else if (message instanceof Controller.Follow m) {
            w.putInt(m.nodeId()).putLong(m.appliedIndex());
            putRef(w, m.follower());
        } else if (message instanceof MetadataVoter.Ask m) {
            QuorumCodec.putRequest(w, m.request());
            putRef(w, m.replyTo());
        } else if (message instanceof Quorum.Reply m) {
            QuorumCodec.putReply(w, m);
        } else if (message instanceof Publication m) {
            QuorumCodec.putPublication(w, m);
        } else if (message instanceof ClusterFormation.Probe m) {
            putNode(w, m.from());
            w.putLong(m.round()).putBoolean(m.claims());
            putRef(w, m.replyTo());
        } else if (message instanceof ClusterFormation.Present m) {
            putNode(w, m.node());
            w.putLong(m.round()).putBoolean(m.granted());
        } else if (message instanceof ClusterFormation.Gone m) {
            w.putInt(m.voter()).putLong(m.incarnation());
        } else {
            throw new IllegalArgumentException("no message of the controller: " + message.getClass());
        }
        return w.toByteArray();
    }

    @Override
    public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
        FieldReader r = new FieldReader(bytes);
        try {
            Object message =
                    switch (manifest) {
                        case "E" ->
                            new Controller.Execute(
                                    r.getString(), CommandCodec.getCommand(r), this.<Controller.Answer>getRef(r));
                        case "A" -> new Controller.Answer(r.getString(), r.getLong(), CommandCodec.getReply(r));
                        case "F" -> new Controller.Follow(r.getInt(), r.getLong(), this.<Publication>getRef(r));
                        case "Q" -> new MetadataVoter.Ask(QuorumCodec.getRequest(r), this.<Quorum.Reply>getRef(r));
                        case "R" -> QuorumCodec.getReply(r);
                        case "P" -> QuorumCodec.getPublication(r);
                        case "CP" ->
                            new ClusterFormation.Probe(
                                    getNode(r), r.getLong(), r.getBoolean(), this.<ClusterFormation.Present>getRef(r));
                        case "CR" -> new ClusterFormation.Present(getNode(r), r.getLong(), r.getBoolean());
                        case "CG" -> new ClusterFormation.Gone(r.getInt(), r.getLong());
                        default ->
                            throw new IllegalArgumentException(
                                    "unknown message '" + manifest + "': sent by a newer version of Troupe");
                    };
            r.expectEnd();
            return message;
        } catch (RuntimeException e) {
            throw new NotSerializableException("message '" + manifest + "' of the controller: " + e);
        }
    }

    private static void putNode(FieldWriter w, Formation.Node node) {
        w.putInt(node.nodeId()).putLong(node.incarnation()).putString(node.voters());
        w.putString(node.clusterId().orElse(null)).putBoolean(node.inCluster());
        w.putList(node.memberVoters(), FieldWriter::putInt).putList(node.memberIncarnations(), FieldWriter::putLong);
    }

    private static Formation.Node getNode(FieldReader r) {
        return new Formation.Node(
                r.getInt(),
                r.getLong(),
                r.getString(),
                Optional.ofNullable(r.getString()),
                r.getBoolean(),
                r.getList(FieldReader::getInt),
                r.getList(FieldReader::getLong));
    }

    private void putRef(FieldWriter w, ActorRef<?> ref) {
        w.putString(refs.toSerializationFormat(ref));
    }

    private <T> ActorRef<T> getRef(FieldReader r) {
        return refs.resolveActorRef(r.getString());
    }
}
