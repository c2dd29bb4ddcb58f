import org.apache.hadoop.thirdparty.protobuf.DescriptorProtos.FileDescriptorSet;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.FileDescriptor;

/**
 * Writes the descriptors that were compiled into generated classes, as a serialised FileDescriptorSet, to standard
 * output. Arguments: names of the outer classes that protoc made, one for each .proto file. Run as a single source
 * file with Hadoop's jars (3.3 or newer) on the class path.
 */
public final class Descriptors {
    public static void main(String[] args) throws Exception {
        FileDescriptorSet.Builder files = FileDescriptorSet.newBuilder();
        for (String name : args) {
            FileDescriptor file = (FileDescriptor) Class.forName(name).getMethod("getDescriptor").invoke(null);
            files.addFile(file.toProto());
        }
        files.build().writeTo(System.out);
        System.out.flush();
    }
}
