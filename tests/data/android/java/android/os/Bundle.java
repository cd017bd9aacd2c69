package android.os;

import java.util.Map;
import java.util.TreeMap;

public class Bundle {
  public final Map<String, Object> values = new TreeMap<>();

  public void putBoolean(String name, boolean value) {
    values.put(name, value);
  }

  public void putInt(String name, int value) {
    values.put(name, value);
  }

  public void putString(String name, String value) {
    values.put(name, value);
  }

  public void putParcelable(String name, Parcelable value) {
    values.put(name, value);
  }
}
