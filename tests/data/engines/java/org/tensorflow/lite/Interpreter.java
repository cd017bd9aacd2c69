package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Stands in for TFLite's class of this name in tests on a desktop: the same signatures, as strict
 * about buffers, and arithmetic that is easy to predict instead of a network: output i is
 * (i + 1) times the sum of the input.
 */
public final class Interpreter implements AutoCloseable {
  private static final int[] INPUT_SHAPE = {1, 2, 2, 3};
  private static final int[] OUTPUT_SHAPE = {1, 4};
  private static final int[] MAP_SHAPE = {1, 2, 2, 4};

  /** Whether the network returns a map rather than one vector. */
  public static boolean returnsMap = false;

  /** Whether this is lce-lite, which knows LCE's operators. */
  public static boolean knowsLce = false;

  /** How many bytes the last accepted model had. */
  public static int modelSize = 0;

  public static class Options {
    public int numThreads = -1;

    public Options setNumThreads(int numThreads) {
      this.numThreads = numThreads;
      return this;
    }
  }

  private boolean closed = false;

  public Interpreter(ByteBuffer model, Options options) {
    if (!model.isDirect() || model.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(
          "Model ByteBuffer should be either a MappedByteBuffer of the model file, or a direct "
              + "ByteBuffer using ByteOrder.nativeOrder() which contains bytes of model content.");
    }
    if (options.numThreads != 1) {
      throw new IllegalArgumentException("this stub is for one thread");
    }
    byte[] content = new byte[model.remaining()];
    model.get(content);
    String text = new String(content, StandardCharsets.ISO_8859_1);
    if (!text.startsWith("TFL3", 4)) {
      throw new IllegalArgumentException("Contents of buffer does not encode a valid model");
    }
    if (text.contains("LceQuantize") && !knowsLce) {
      throw new IllegalStateException(
          "Internal error: Unexpected failure when preparing tensor allocations: "
              + "Encountered unresolved custom op: LceQuantize.");
    }
    modelSize = content.length;
  }

  public int getInputTensorCount() {
    return 1;
  }

  public int getOutputTensorCount() {
    return 1;
  }

  public Tensor getInputTensor(int index) {
    return tensor(INPUT_SHAPE);
  }

  public Tensor getOutputTensor(int index) {
    return tensor(returnsMap ? MAP_SHAPE : OUTPUT_SHAPE);
  }

  public void run(Object input, Object output) {
    if (closed) {
      throw new IllegalStateException("Internal error: The Interpreter has already been closed.");
    }
    ByteBuffer in = check((ByteBuffer) input, INPUT_SHAPE);
    ByteBuffer out = check((ByteBuffer) output, OUTPUT_SHAPE);
    float sum = 0;
    while (in.hasRemaining()) {
      sum += in.getFloat();
    }
    for (int i = 0; out.hasRemaining(); i++) {
      out.putFloat((i + 1) * sum);
    }
  }

  @Override
  public void close() {
    closed = true;
  }

  private static ByteBuffer check(ByteBuffer buffer, int[] shape) {
    int size = 4;
    for (int n : shape) {
      size *= n;
    }
    if (!buffer.isDirect() || buffer.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException("buffers must be direct and in native order");
    }
    if (buffer.remaining() != size) {
      throw new IllegalArgumentException(
          "Cannot copy between a tensor with " + size + " bytes and a buffer with "
              + buffer.remaining() + " bytes.");
    }
    return buffer;
  }

  private static Tensor tensor(int[] shape) {
    return new Tensor() {
      @Override
      public int[] shape() {
        return shape;
      }

      @Override
      public DataType dataType() {
        return DataType.FLOAT32;
      }
    };
  }
}
