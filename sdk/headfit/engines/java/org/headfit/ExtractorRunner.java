package org.headfit;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;

/**
 * An extractor in TFLite's interpreter. headfit's `android` engine reaches it through pyjnius: arrays
 * of bytes go over and come back, and Java keeps the direct buffers that the interpreter wants.
 */
public final class ExtractorRunner implements AutoCloseable {
  private final Interpreter interpreter;
  private final ByteBuffer input;
  private final ByteBuffer output;

  /** Opens a network, whose bytes must have been checked, on one thread. */
  public ExtractorRunner(byte[] model) {
    ByteBuffer content = direct(model.length).put(model);
    content.rewind();
    interpreter = new Interpreter(content, new Interpreter.Options().setNumThreads(1));
    input = direct(size(inputShape(0)));
    output = direct(size(outputShape(0)));
  }

  public static String version() {
    return TensorFlowLite.runtimeVersion();
  }

  public int inputCount() {
    return interpreter.getInputTensorCount();
  }

  public int outputCount() {
    return interpreter.getOutputTensorCount();
  }

  public int[] inputShape(int index) {
    return interpreter.getInputTensor(index).shape();
  }

  public int[] outputShape(int index) {
    return interpreter.getOutputTensor(index).shape();
  }

  public String inputType(int index) {
    return interpreter.getInputTensor(index).dataType().toString();
  }

  public String outputType(int index) {
    return interpreter.getOutputTensor(index).dataType().toString();
  }

  /** Runs once; both arrays hold float32 in the order of this machine. */
  public byte[] run(byte[] image) {
    input.clear();
    input.put(image).rewind();
    output.clear();
    interpreter.run(input, output);
    byte[] embedding = new byte[output.capacity()];
    output.rewind();
    output.get(embedding);
    return embedding;
  }

  @Override
  public void close() {
    interpreter.close();
  }

  private static ByteBuffer direct(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
  }

  private static int size(int[] shape) {
    int size = 4;
    for (int n : shape) {
      size *= n;
    }
    return size;
  }
}
