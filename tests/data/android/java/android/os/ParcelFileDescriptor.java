package android.os;

import java.io.FileDescriptor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;

/** Hands out a real descriptor of this process; needs --add-opens java.base/java.io=ALL-UNNAMED. */
public class ParcelFileDescriptor {
  // Java would close a descriptor with its file: these are the caller's now.
  private static final List<RandomAccessFile> detached = new ArrayList<>();

  private final RandomAccessFile file;

  public ParcelFileDescriptor(String path, String mode) throws IOException {
    file = new RandomAccessFile(path, mode.equals("r") ? "r" : "rw");
  }

  public int detachFd() throws IOException, ReflectiveOperationException {
    detached.add(file);
    Field field = FileDescriptor.class.getDeclaredField("fd");
    field.setAccessible(true);
    return field.getInt(file.getFD());
  }
}
